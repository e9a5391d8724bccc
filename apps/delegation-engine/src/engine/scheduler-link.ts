/** How engines reach the scheduler over NATS, and it the owners of partitions. Plain messages: what is lost is found again by the next tick. */
import { AppError } from '@mandate/kernel';
import type { Candidate, Explanation } from '@mandate/scheduling';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { partitionOf } from './partitions.js';
import type { Scheduler, SchedulerLink, SchedulerNote } from './scheduler.js';
import type { Grant, SlotRequest } from './grants.js';

const ACQUIRE = 'mandate.internal.v1.scheduler.acquire';
const EXPLAIN = 'mandate.internal.v1.scheduler.explain';
const TELL = 'mandate.internal.v1.scheduler.tell';
const handOverSubject = (partition: number | '*'): string => `mandate.internal.v1.partition.${partition}.grant`;
const ACQUIRE_TIMEOUT_MS = 500;

export class NatsSchedulerLink implements SchedulerLink {
  private subscriptions: Subscription[] = [];

  constructor(
    private readonly connection: NatsConnection,
    private readonly owns: (partition: number) => boolean,
    private readonly granted: (grant: Grant) => void,
  ) {}

  /** Only the engine that leads answers; the others stay silent. */
  serve(scheduler: Scheduler): void {
    const subscribe = <T>(subject: string, handle: (document: T, respond: (answer: unknown) => void) => void): Subscription =>
      this.connection.subscribe(subject, {
        callback: (error, message) => {
          if (!error) handle(message.json<T>(), (answer) => message.respond(JSON.stringify(answer)));
        },
      });
    this.subscriptions = [
      subscribe<SlotRequest>(ACQUIRE, (request, respond) => {
        if (scheduler.leads) respond(scheduler.grant(request));
      }),
      subscribe<Candidate>(EXPLAIN, (candidate, respond) => {
        if (scheduler.leads) respond(scheduler.explain(candidate));
      }),
      subscribe<SchedulerNote>(TELL, (note) => scheduler.take(note)),
      subscribe<Grant>(handOverSubject('*'), (grant) => {
        if (this.owns(partitionOf(grant.delegationId))) this.granted(grant);
      }),
    ];
  }

  async acquire(request: SlotRequest): Promise<Grant | null> {
    try {
      return (await this.connection.request(ACQUIRE, JSON.stringify(request), { timeout: ACQUIRE_TIMEOUT_MS })).json<Grant | null>();
    } catch {
      return null; // nobody leads just now: the step waits in es.waiting for whoever will
    }
  }

  /** Why a step cannot go on; throws AppError when nobody leads just now. */
  async explain(candidate: Candidate): Promise<Explanation> {
    try {
      return (await this.connection.request(EXPLAIN, JSON.stringify(candidate), { timeout: ACQUIRE_TIMEOUT_MS })).json<Explanation>();
    } catch (cause) {
      throw new AppError('SCHEDULER_AWAY', 'unavailable', 'no engine grants slots just now: ask again in a second', {}, { cause });
    }
  }

  tell(note: SchedulerNote): void {
    if (!this.connection.isClosed()) this.connection.publish(TELL, JSON.stringify(note));
  }

  handOver(grant: Grant): void {
    const partition = partitionOf(grant.delegationId);
    if (this.owns(partition)) this.granted(grant);
    else if (!this.connection.isClosed()) this.connection.publish(handOverSubject(partition), JSON.stringify(grant));
  }

  stop(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
  }
}
