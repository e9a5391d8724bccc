/** The parts that write delegations and follow what they wrote, tied together: writer, scheduler, dispatcher, timers. */
import type { Clock } from '@mandate/kernel';
import type { Replies } from '@mandate/messaging';
import type { Candidate, Explanation, PolicyEvent } from '@mandate/scheduling';
import type { Logger } from '@mandate/service-host';
import { AgentDirectory } from './agent-directory.js';
import { RunningAttempts } from './attempts.js';
import { DelegationWriter } from './delegation-writer.js';
import { Dispatcher } from './dispatcher.js';
import type { Ground } from './ground.js';
import { Lanes } from './lanes.js';
import { Offers } from './offers.js';
import { partitionOf, Partitions } from './partitions.js';
import { Policies } from './policies.js';
import { standingsBehind } from '../read-model/index.js';
import { Reputations } from './reputations.js';
import { ReputationStreams } from './reviews.js';
import { NatsSchedulerLink } from './scheduler-link.js';
import { Scheduler } from './scheduler.js';
import type { Grant } from './grants.js';
import { engineOrigin, Tending } from './tending.js';
import { Timers } from './timers.js';

export interface WorkOptions {
  ground: Ground;
  replies: Replies;
  /** New for every start of a process: leases of the one before it are not ours. */
  owner: string;
  logger: Logger;
  clock?: Clock | undefined;
  /** Steps at workers at once, of all tenants. */
  capacity: number;
  gained: (partition: number) => Promise<void>;
  lost: (partition: number) => Promise<void>;
}

const SYSTEM_CLOCK: Clock = { now: () => Date.now() };

export class Work {
  readonly lanes = new Lanes();
  readonly attempts = new RunningAttempts();
  readonly clock: Clock;
  readonly random = Math.random;
  readonly agents: AgentDirectory;
  readonly offers: Offers;
  readonly partitions: Partitions;
  readonly policies: Policies;
  readonly reputationStreams: ReputationStreams;
  readonly reputations: Reputations;
  readonly link: NatsSchedulerLink;
  readonly scheduler: Scheduler;
  readonly tending: Tending;
  readonly dispatcher: Dispatcher;
  readonly writer: DelegationWriter;
  readonly timers: Timers;

  constructor({
    ground: { connection, store, keyring, readModel },
    replies,
    owner,
    logger,
    clock = SYSTEM_CLOCK,
    capacity,
    gained,
    lost,
  }: WorkOptions) {
    this.clock = clock;
    this.agents = new AgentDirectory(clock);
    this.offers = new Offers(connection, replies, clock);
    this.partitions = new Partitions({ store, instance: owner, logger, gained, lost });
    const { agents, attempts, lanes, offers, partitions, random } = this;
    const writer = (): DelegationWriter => this.writer;
    this.tending = new Tending(lanes, writer, (id) => partitions.owns(partitionOf(id)), logger);
    const { tend } = this.tending;
    this.link = new NatsSchedulerLink(
      connection,
      (partition) => partitions.owns(partition),
      (grant) => this.granted(grant),
    );
    this.policies = new Policies({ connection, store, logger, changed: (tenant, event) => this.policyChanged(tenant, event) });
    this.reputationStreams = new ReputationStreams({ connection, store, logger });
    this.reputations = new Reputations({
      behind: (position) => standingsBehind(readModel, position),
      halfLifeMs: (tenant) => this.reputationStreams.of(tenant).settings.halfLifeMs,
      random,
    });
    const { policies, reputations: matching } = this;
    this.scheduler = new Scheduler({ store, agents, policies, clock, logger, instance: owner, link: this.link, capacity, matching });
    this.timers = new Timers({ store, writer, agents, clock, random, tend, owned: () => partitions.owned });
    this.dispatcher = new Dispatcher({
      writer,
      scheduler: this.scheduler,
      attempts,
      agents,
      offers,
      keyring,
      clock,
      random,
      tend,
      isQuarantined: (tenant, instance) => policies.of(tenant).workers[instance] === 'quarantined',
      lostTrack: (tenant, id) => this.tending.lostTrack(tenant, id),
      wakeAt: (tenant, id, at) => this.timers.hint(tenant, id, at),
    });
    this.writer = new DelegationWriter(store, this.scheduler, partitions, clock, this.dispatcher, keyring);
  }

  explain(candidate: Candidate): Explanation | Promise<Explanation> {
    return this.scheduler.leads ? this.scheduler.explain(candidate) : this.link.explain(candidate);
  }

  private policyChanged(tenant: string, event: PolicyEvent): void {
    this.scheduler.policyChanged(tenant, event);
    if (event.type === 'workermoded' && event.data.mode === 'quarantined') this.dispatcher.takeAwayQuarantined();
  }

  /** A waiting step got its slot. */
  private granted(grant: Grant): void {
    void this.tending.tend(grant.tenant, grant.delegationId, (entry) =>
      this.writer.dispatchWaiting(entry, grant, engineOrigin(entry, 'scheduler')),
    );
  }
}
