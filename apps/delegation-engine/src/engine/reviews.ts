/** How workers do, looked at whenever that changes: what is surely bad is proposed for quarantine, and an operator decides. */
import { randomBytes } from 'node:crypto';
import type { ProposalView, RebuildView, ReputationChange, ReputationOverview, ReputationView } from '@mandate/contracts';
import type { Actor, EventStore } from '@mandate/event-store';
import { formatDuration, parseDuration, timestamp, ulid, type Clock } from '@mandate/kernel';
import {
  faded,
  figuresOf,
  proposalIn,
  REPUTATION_AGGREGATE,
  reputationDecider,
  type Proposal,
  type Reputation,
  type ReputationCommand,
  type ReputationEvent,
} from '@mandate/scheduling';
import type { Logger } from '@mandate/service-host';
import type { NatsConnection } from '@nats-io/transport-node';
import { ReputationApi, type Caller } from '../http/index.js';
import { rebuildReputation, WORKER_REPUTATION, type StandingRow } from '../read-model/index.js';
import type { Policies } from './policies.js';
import { recordRebuild } from './rebuilt.js';
import type { Reputations } from './reputations.js';
import { TenantAggregate } from './tenant-aggregate.js';

export class ReputationStreams extends TenantAggregate<ReputationCommand, Reputation, ReputationEvent> {
  constructor(options: { connection: NatsConnection; store: EventStore; logger: Logger }) {
    super({ ...options, stream: { type: REPUTATION_AGGREGATE, id: 'workers' }, decider: reputationDecider, busy: 'REPUTATION_BUSY' });
  }
}

export interface ReviewsOptions {
  store: EventStore;
  streams: ReputationStreams;
  reputations: Reputations;
  policies: Policies;
  clock: Clock;
  /** Of the process' leases. */
  owner: string;
  /** One engine of a log proposes. */
  leads: () => boolean;
}

const REVIEWER: Actor = { kind: 'service', id: 'delegation-engine' };

export class Reviews extends ReputationApi {
  /** Standings that changed while another engine led, perhaps unseen by it. */
  private unseen = new Map<string, StandingRow>();

  constructor(private readonly options: ReviewsOptions) {
    super();
  }

  /** Reads what changed, and proposes what follows from it. Called every second. */
  async tick(): Promise<void> {
    const { reputations, leads } = this.options;
    for (const row of await reputations.refresh()) this.unseen.set(`${row.tenant}/${row.instance}/${row.capability}`, row);
    if (!leads()) return;
    for (const [key, row] of this.unseen) {
      await this.assess(row);
      this.unseen.delete(key);
    }
  }

  private async assess(row: StandingRow): Promise<void> {
    const { streams, reputations, clock } = this.options;
    const { tenant, instance, capability, standing } = row;
    const now = clock.now();
    const peers = reputations.peersOf(row);
    const command: ReputationCommand = { type: 'assess', proposal: newId(now), instance, capability, standing, peers, now };
    if (reputationDecider.decide(command, streams.of(tenant)).length > 0) await streams.command(tenant, command, { actor: REVIEWER });
  }

  /** Of a worker's capability, as of now: how it does, and the proposal that is open about it. */
  of(tenant: string, instance: string, capability: string): { reputation: ReputationView | null; proposal?: string } {
    const { reputations, streams, clock } = this.options;
    const standing = reputations.standingOf(tenant, instance, capability);
    const open = Object.values(streams.of(tenant).proposals).find(
      (proposal) => proposal.state === 'open' && proposal.instance === instance && proposal.capability === capability,
    );
    return {
      reputation: standing ? figuresOf(faded(standing, clock.now(), reputations.halfLifeMs(tenant))) : null,
      ...(open ? { proposal: open.id } : {}),
    };
  }

  async view({ tenant }: Caller): Promise<ReputationOverview> {
    return overview(this.options.streams.of(tenant));
  }

  async configure(caller: Caller, { halfLife, floor, minVolume, quiet, reason = '' }: ReputationChange): Promise<ReputationOverview> {
    const command: ReputationCommand = {
      type: 'configure',
      by: caller.principal,
      reason,
      now: this.options.clock.now(),
      ...(halfLife === undefined ? {} : { halfLifeMs: parseDuration(halfLife) ?? 0 }),
      ...(floor === undefined ? {} : { floor }),
      ...(minVolume === undefined ? {} : { minVolume }),
      ...(quiet === undefined ? {} : { quietMs: parseDuration(quiet) ?? 0 }),
    };
    return overview(await this.told(caller, command));
  }

  /** The decision first, because only one can be made; who is answered with an error repeats it, and the quarantine follows then. */
  async accept(caller: Caller, id: string, reason: string): Promise<ProposalView> {
    const now = this.options.clock.now();
    const proposal = proposalIn(await this.told(caller, { type: 'accept', proposal: id, by: caller.principal, reason, now }), id);
    const why = reason || `proposal ${id}: ${proposal.capability} succeeds in ${percent(proposal)} of its attempts`;
    await this.options.policies.command(
      caller.tenant,
      { type: 'mode-worker', instance: proposal.instance, mode: 'quarantined', proposal: id, by: caller.principal, reason: why, now },
      originOf(caller),
    );
    return proposalView(proposal);
  }

  async dismiss(caller: Caller, id: string, reason: string): Promise<ProposalView> {
    const command = { type: 'dismiss' as const, proposal: id, by: caller.principal, reason, now: this.options.clock.now() };
    return proposalView(proposalIn(await this.told(caller, command), id));
  }

  rebuild(caller: Caller): Promise<RebuildView> {
    const { store, owner, clock } = this.options;
    return recordRebuild({ store, clock, projection: WORKER_REPUTATION, rebuild: () => rebuildReputation(store, owner) }, caller);
  }

  private told(caller: Caller, command: ReputationCommand): Promise<Reputation> {
    return this.options.streams.command(caller.tenant, command, originOf(caller));
  }
}

const newId = (now: number): string => ulid(now, randomBytes(10));
const originOf = ({ principal, traceparent }: Caller): { actor: Actor; traceparent: string } => ({
  actor: { kind: 'operator', id: principal },
  traceparent,
});
const percent = ({ evidence }: Proposal): string => `${Math.round((evidence.figures.successRate ?? 0) * 100)} %`;

const overview = ({ settings, proposals }: Reputation): ReputationOverview => ({
  settings: {
    halfLife: formatDuration(settings.halfLifeMs),
    floor: settings.floor,
    minVolume: settings.minVolume,
    quiet: formatDuration(settings.quietMs),
  },
  proposals: Object.values(proposals)
    .sort((a, b) => Number(b.state === 'open') - Number(a.state === 'open') || b.at - a.at)
    .map(proposalView),
});

const proposalView = ({ id, instance, capability, state, at, evidence, decided }: Proposal): ProposalView => {
  const { halfLifeMs, ...shown } = evidence;
  return {
    id,
    instance,
    capability,
    state,
    proposedAt: timestamp(at),
    evidence: { ...shown, halfLife: formatDuration(halfLifeMs) },
    decided: decided && { ...decided, at: timestamp(decided.at) },
  };
};
