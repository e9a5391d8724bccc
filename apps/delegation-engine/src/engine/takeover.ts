/** Partitions that come and go: whoever gains one loads what runs in it from the store, then consumes its messages. */
import type { EventStore } from '@mandate/event-store';
import { consumeInbound, partitionConsumer, STRAY_CONSUMER, type Consuming } from '@mandate/messaging';
import type { JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Work } from './work.js';

export interface TakeoverOptions {
  connection: NatsConnection;
  store: EventStore;
  work: Pick<Work, 'writer' | 'attempts' | 'tending'>;
  take: (message: JsMsg) => void;
}

const LOADING_AT_ONCE = 32;

export class Takeover {
  private readonly consuming = new Map<string, Consuming>();
  private readonly unloaded = new Set<number>();

  constructor(private readonly options: TakeoverOptions) {}

  /** Messages with too few tokens for a partition belong to no delegation: any engine may park them. */
  start(): Promise<void> {
    return this.consume(STRAY_CONSUMER);
  }

  async gained(partition: number): Promise<void> {
    await this.consume(partitionConsumer(partition));
    this.unloaded.add(partition);
  }

  /** Loads what runs in the partitions gained. Called every second, so that a failure is only a delay. */
  async loadRest(): Promise<void> {
    for (const partition of [...this.unloaded]) {
      await this.load(partition);
      this.unloaded.delete(partition);
    }
  }

  async lost(partition: number): Promise<void> {
    const { writer, attempts } = this.options.work;
    const name = partitionConsumer(partition);
    const consumer = this.consuming.get(name);
    this.consuming.delete(name);
    this.unloaded.delete(partition);
    await consumer?.stop();
    writer.forgetPartition(partition);
    attempts.dropPartition(partition);
  }

  async stop(): Promise<void> {
    const consumers = [...this.consuming.values()];
    this.consuming.clear();
    await Promise.all(consumers.map((consumer) => consumer.stop()));
  }

  private async consume(name: string): Promise<void> {
    if (!this.consuming.has(name)) this.consuming.set(name, await consumeInbound(this.options.connection, name, this.options.take));
  }

  /** Every delegation with an attempt at a worker; the others wake up by their timers and messages. */
  private async load(partition: number): Promise<void> {
    const { store, work } = this.options;
    const { tend } = work.tending;
    const held = await store.slots({ partition });
    const delegations = new Map(held.map(({ tenant, delegationId }) => [`${tenant}/${delegationId}`, { tenant, delegationId }]));
    const queue = [...delegations.values()];
    const worker = async (): Promise<void> => {
      for (let next = queue.pop(); next; next = queue.pop()) await tend(next.tenant, next.delegationId, () => Promise.resolve());
    };
    await Promise.all(Array.from({ length: LOADING_AT_ONCE }, worker));
  }
}
