/** The past by its events: states at a position or a time, and delegations run again with something changed. Nothing here has an effect but its record. */
import type { AggregateStateView, ForkRequest, ForkView, SystemStateView } from '@mandate/contracts';
import { foldStored, fork, fromStored, type AgentCapability, type ForkChange } from '@mandate/delegation';
import type { EventStore, RecordedEvent } from '@mandate/event-store';
import { AppError, type JsonObject } from '@mandate/kernel';
import { DEFAULT_FALLBACK_THRESHOLD } from '@mandate/recognition';
import type { Caller } from '@mandate/service-host';
import { ReplayApi, type StateQuery } from '../http/index.js';
import type { LogReader } from '../log/log-reader.js';
import type { OwnEvents } from '../own-events.js';
import { aggregateState } from './aggregate-state.js';

const STREAM = 'replays';
const POSITIONS = 50_000;
const AGENTS = 1_000;
const COUNT_TYPES = {
  name: 'audit_count_types',
  text: `SELECT type, count(*) AS events FROM es.event WHERE log_id = 1 AND position > $1::bigint AND position <= $2::bigint AND tenant = $3 GROUP BY type`,
};
const DELEGATION = 'dev.mandate.delegation.';

export class LogReplay extends ReplayApi {
  constructor(
    private readonly store: EventStore,
    private readonly log: LogReader,
    private readonly ownEvents: OwnEvents,
  ) {
    super();
  }

  async state(caller: Caller, { at, resource }: StateQuery): Promise<AggregateStateView | SystemStateView> {
    const position = await this.positionOf(at);
    await this.ownEvents.record(caller, STREAM, {
      type: 'replayed',
      data: { what: 'state', at: position, ...(resource === undefined ? {} : { resource }) },
    });
    const [record] = await this.log.at([position]);
    const when = { position, recordedAt: record?.recordedAt ?? null };
    return resource === undefined ? this.system(caller.tenant, when) : this.aggregate(caller.tenant, resource, when);
  }

  /** A position as it is; of a time the last one that was recorded by then. */
  private async positionOf(at: string | undefined): Promise<number> {
    const { size } = await this.store.head();
    if (at === undefined) return size;
    if (/^\d+$/.test(at)) return Math.min(size, Number(at));
    return (await this.log.firstSince(new Date(Date.parse(at) + 1), size)) - 1;
  }

  private async aggregate(tenant: string, resource: string, at: AggregateStateView['at']): Promise<AggregateStateView> {
    const type = resource.slice(0, resource.indexOf('/'));
    const id = resource.slice(type.length + 1);
    const events = (await this.store.readStream({ tenant, stream: { type, id }, decrypt: true })).filter(
      ({ position }) => position <= at.position,
    );
    if (events.length === 0) throw new AppError('NOT_FOUND', 'not-found', `there was no ${resource} at position ${at.position}`);
    return { at, resource: { type, id, version: events.length }, state: aggregateState(type, id, events) };
  }

  private async system(tenant: string, at: SystemStateView['at']): Promise<SystemStateView> {
    const events: Record<string, number> = {};
    for (let from = 0; from < at.position; from += POSITIONS)
      for (const row of await this.store.database.query(COUNT_TYPES, [from, Math.min(at.position, from + POSITIONS), tenant])) {
        const type = row['type'] as string;
        events[type] = (events[type] ?? 0) + Number(row['events']);
      }
    const of = (name: string): number => events[`${DELEGATION}${name}.v1`] ?? 0;
    const counts = {
      requested: of('requested'),
      rejected: of('rejected'),
      completed: of('completed'),
      failed: of('failed'),
      canceled: of('canceled'),
    };
    const active = counts.requested - counts.completed - counts.failed - counts.canceled;
    return { at, events, delegations: { ...counts, active } };
  }

  async fork(caller: Caller, request: ForkRequest): Promise<ForkView> {
    const { tenant } = caller;
    const { delegationId } = request;
    const recorded = await this.store.readStream({ tenant, stream: { type: 'delegation', id: delegationId }, decrypt: true });
    const [first] = recorded;
    if (!first) throw new AppError('NOT_FOUND', 'not-found', `there is no delegation ${delegationId}`);
    const change = changeOf(request, recorded);
    await this.ownEvents.record(caller, STREAM, {
      type: 'replayed',
      data: { what: 'fork', at: recorded.at(-1)?.position ?? 0, resource: `delegation/${delegationId}`, change: change.kind },
    });
    const result = fork(recorded.map(fromStored), change, {
      id: delegationId,
      agents: await this.agentsAt(tenant, first.position),
      defaultThreshold: DEFAULT_FALLBACK_THRESHOLD,
    });
    const { events: _events, ...view } = result;
    return { delegationId, recordedStatus: foldStored(recorded, delegationId).status, ...view };
  }

  /** What was registered when something was asked: capabilities of every instance whose registration was there. */
  private async agentsAt(tenant: string, position: number): Promise<AgentCapability[]> {
    const found = new Map<string, AgentCapability>();
    let after: { tenant: string; id: string } | undefined = { tenant, id: '' };
    while (after) {
      const rows = await this.store.streamsOfType('agent', AGENTS, after);
      for (const { stream } of rows.filter((row) => row.tenant === tenant && row.firstPosition <= position))
        for (const capability of capabilitiesOf(await this.store.readStream({ tenant, stream }), position))
          found.set(capability.capability, capability);
      const last = rows.at(-1);
      after = last?.tenant === tenant && rows.length === AGENTS ? { tenant, id: last.stream.id } : undefined;
    }
    return [...found.values()].sort((a, b) => (a.capability < b.capability ? -1 : 1));
  }
}

const capabilitiesOf = (events: readonly RecordedEvent[], position: number): AgentCapability[] => {
  const data = events.findLast((event) => event.position <= position && event.type === 'dev.mandate.agent.registered.v1')?.data;
  const registered = (data?.['capabilities'] ?? []) as unknown as (JsonObject & { name: string; description: string; tags: string[] })[];
  return registered.map(({ name, description, tags }) => ({ name: String(data?.['name'] ?? ''), capability: name, description, tags }));
};

const changeOf = ({ threshold, steps, worker, after }: ForkRequest, recorded: readonly RecordedEvent[]): ForkChange => {
  if ([threshold, steps, worker].filter((given) => given !== undefined).length !== 1)
    throw new AppError('INVALID_FIELD', 'invalid', 'name one change: threshold, steps or worker', { field: 'threshold' });
  if (threshold !== undefined) return { kind: 'threshold', threshold };
  if (steps !== undefined) return { kind: 'plan', steps };
  const kept = after === undefined ? {} : { afterVersion: recorded.filter(({ position }) => position <= after).length };
  return { kind: 'worker', instance: worker ?? '', ...kept };
};
