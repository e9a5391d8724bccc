/** What HTTP asks of the engine: changes enter through the inbound stream, answers come from the log and the list. */
import {
  publicData,
  subjects,
  type Acknowledgement,
  type AgentView,
  type DelegationCommand,
  type DelegationListItem,
  type DelegationView,
  type EventView,
  type ExplanationView,
  type Page,
  type RebuildView,
  type StepView,
  type TemplateView,
} from '@mandate/contracts';
import { eventTypeName, toView } from '@mandate/delegation';
import type { EventStore, RecordedEvent } from '@mandate/event-store';
import { AppError, type Clock, type JsonValue } from '@mandate/kernel';
import type { WorkerMode } from '@mandate/scheduling';
import type { NatsConnection } from '@nats-io/transport-node';
import type { DataSource } from 'typeorm';
import { DelegationApi, type Caller, type ListQuery } from '../http/index.js';
import { DELEGATION_LIST, listDelegations, rebuildDelegations } from '../read-model/index.js';
import { agentView, type AgentDirectory } from './agent-directory.js';
import type { InboundAsker } from './ask-inbound.js';
import type { Explaining } from './explaining.js';
import { fold, retired } from './recorded.js';
import { recordRebuild } from './rebuilt.js';
import type { Reviews } from './reviews.js';
import type { TemplateMine } from './template-mine.js';
import { News } from './news.js';
import type { WhyWaiting } from './why-waiting.js';

export interface EngineApiOptions {
  store: EventStore;
  connection: NatsConnection;
  asker: InboundAsker;
  waiting: WhyWaiting;
  explaining: Explaining;
  mine: TemplateMine;
  agents: AgentDirectory;
  modeOf: (tenant: string, instance: string) => WorkerMode;
  /** How a worker does, by capability. */
  doing: Reviews['of'];
  readModel: DataSource;
  /** Of the process' leases. */
  owner: string;
  clock: Clock;
}

/** A follower that hears nothing looks again this often. */
const QUIET_MS = 5_000;
const ENDINGS: ReadonlySet<string> = new Set((['completed', 'failed', 'canceled', 'rejected'] as const).map(eventTypeName));

export class EngineApi extends DelegationApi {
  constructor(private readonly options: EngineApiOptions) {
    super();
  }

  request({ tenant, principal, traceparent }: Caller, id: string, body: Uint8Array): Promise<Acknowledgement> {
    return this.options.asker.ask(subjects.request(tenant, id, principal), body, traceparent);
  }

  command({ tenant, principal, traceparent }: Caller, delegationId: string, command: DelegationCommand): Promise<Acknowledgement> {
    return this.options.asker.ask(subjects.command(tenant, delegationId, principal), JSON.stringify(command), traceparent);
  }

  async view({ tenant }: Caller, delegationId: string): Promise<DelegationView> {
    const state = fold(await this.history(tenant, delegationId, true), delegationId);
    const view = toView(state);
    if (!view) throw notFound(delegationId);
    if (state.status !== 'active' || !view.steps.some(isHeldUp)) return view;
    const waiting = await this.options.waiting.of(tenant, delegationId, state.priority);
    return { ...view, steps: view.steps.map((step) => ({ ...step, ...waiting[step.id] })) };
  }

  async explanation({ tenant }: Caller, delegationId: string): Promise<ExplanationView> {
    return this.options.explaining.explain(tenant, delegationId, await this.history(tenant, delegationId, true));
  }

  templates({ tenant }: Caller, enough: number): Promise<TemplateView[]> {
    return this.options.mine.templates(tenant, enough);
  }

  list({ tenant }: Caller, query: ListQuery): Promise<Page<DelegationListItem>> {
    return listDelegations(this.options.readModel, tenant, query);
  }

  async events({ tenant }: Caller, delegationId: string, after: number, limit: number): Promise<EventView[]> {
    const history = await this.history(tenant, delegationId, false);
    return history
      .filter(({ position }) => position > after)
      .slice(0, limit)
      .map((event) => eventView(event, publicData(event)));
  }

  async *follow({ tenant }: Caller, delegationId: string, after: number, signal: AbortSignal): AsyncIterable<EventView> {
    const { store, connection } = this.options;
    const stream = { type: 'delegation', id: delegationId };
    const news = new News(connection, subjects.event(tenant, stream.type, delegationId), signal);
    try {
      for (let version = 0; !signal.aborted; await news.next(QUIET_MS)) {
        for (const event of await store.readStream({ tenant, stream, fromVersion: version + 1 })) {
          version = event.version;
          if (event.position > after) yield eventView(event, publicData(event));
          if (ENDINGS.has(event.type)) return;
        }
      }
    } finally {
      news.stop();
    }
  }

  async event({ tenant }: Caller, delegationId: string, eventId: string): Promise<EventView> {
    const event = (await this.history(tenant, delegationId, true)).find(({ id }) => id === eventId);
    if (!event) throw new AppError('NOT_FOUND', 'not-found', `delegation ${delegationId} has no event ${eventId}`);
    const { personal } = event;
    const erased =
      personal && 'erased' in personal ? Object.fromEntries(event.personalFields.map((field) => [field, { erased: true }])) : personal;
    return eventView(event, { ...event.data, ...erased });
  }

  async output({ tenant }: Caller, delegationId: string, stepId: string): Promise<JsonValue> {
    const succeeded = eventTypeName('stepsucceeded');
    const event = (await this.history(tenant, delegationId, true)).findLast(
      ({ type, data }) => type === succeeded && data['stepId'] === stepId,
    );
    if (!event) throw new AppError('NO_OUTPUT', 'not-found', `step ${stepId} of ${delegationId} has no output: it has not succeeded`);
    if (!event.personal || 'erased' in event.personal) return { erased: true };
    return event.personal['output'] ?? null;
  }

  rebuild(caller: Caller): Promise<RebuildView> {
    const { store, owner, clock } = this.options;
    return recordRebuild({ store, clock, projection: DELEGATION_LIST, rebuild: () => rebuildDelegations(store, owner) }, caller);
  }

  async agents({ tenant }: Caller): Promise<AgentView[]> {
    const { store, agents } = this.options;
    const running = new Map<string, number>();
    for (const slot of await store.slots()) {
      const key = `${slot.tenant}/${slot.instance}/${slot.capability}`;
      running.set(key, (running.get(key) ?? 0) + 1);
    }
    return [...agents.all()]
      .filter((agent) => agent.tenant === tenant)
      .sort((a, b) => (a.instance < b.instance ? -1 : 1))
      .map((agent) =>
        agentView(agent, agents.isOnline(agent), this.options.modeOf(tenant, agent.instance), (capability) => ({
          running: running.get(`${tenant}/${agent.instance}/${capability}`) ?? 0,
          ...this.options.doing(tenant, agent.instance, capability),
        })),
      );
  }

  private async history(tenant: string, delegationId: string, decrypt: boolean): Promise<RecordedEvent[]> {
    const events = await this.options.store.readStream({ tenant, stream: { type: 'delegation', id: delegationId }, decrypt });
    if (events.length === 0) throw await this.missing(tenant, delegationId);
    return events;
  }

  private async missing(tenant: string, id: string): Promise<AppError> {
    return (await this.options.store.findStream(tenant, { type: 'delegation', id })) ? retired(id) : notFound(id);
  }
}

/** Has no worker: perhaps it waits for a slot. */
const isHeldUp = ({ state, worker }: StepView): boolean =>
  worker === null && (state === 'TASK_STATE_SUBMITTED' || state === 'TASK_STATE_WORKING');

const notFound = (id: string): AppError => new AppError('NOT_FOUND', 'not-found', `there is no delegation ${id}`);

const eventView = ({ position, id, type, version, occurredAt, actor }: RecordedEvent, data: JsonValue): EventView => ({
  position,
  id,
  type,
  version,
  time: occurredAt,
  data,
  actor: { kind: actor.kind, id: actor.id },
});
