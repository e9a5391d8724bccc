/**
 * From the log to the bus: the event table is the outbox. One publisher a log works (a lease), and a second one that thinks it does is refused by
 * the bus, which takes a batch only behind the message that its publisher believes to be the last. In order, at least once.
 */
import { AppError } from '@mandate/kernel';
import type { AppendSignal } from './append-signal.js';
import { busMessage, sourceOf, type BusMessage } from './bus-message.js';
import { checkpointOf, setCheckpoint } from './checkpoints.js';
import type { EventStore } from './event-store.js';
import type { LogHead, RecordedEvent } from './types.js';

/** Implemented by @mandate/messaging. */
export interface EventBus {
  /** All or nothing of each thousand; AppError `BUS_FENCED` when the stream's last sequence is another. Resolves to the new last sequence. */
  publishBatch(messages: readonly BusMessage[], expectedLastSequence: number): Promise<number>;
  /** `source`: its `ce-source`; without it the message counts as one of this source. */
  lastMessage(): Promise<LastMessage>;
}

export type LastMessage = { sequence: number; position: number; eventId: string; source?: string } | { sequence: number; position: null };

export interface PublisherOptions {
  store: EventStore;
  bus: EventBus;
  signal: AppendSignal;
  /** New for every start of a process. */
  owner: string;
  leaseTtlMs?: number;
  /** How often the log is looked at although nothing woke the publisher; default 1 s. */
  pollMs?: number;
  /** Told of every failure; after `LOG_ROLLED_BACK` the publisher stands still. */
  onError?: (error: AppError) => void;
}

export type PublisherState = 'standby' | 'publishing' | 'halted' | 'stopped';

const LEASE = 'publisher';
const CHECKPOINT = 'publisher';
const BATCH = 500;
const MAX_HANDED_OVER = 5_000;
const CHECKPOINT_EVERY_MS = 1_000;
const RETRY_MS = 250;

export class Publisher {
  state: PublisherState = 'standby';
  /** The last position that the bus has. */
  cursor = 0;
  private sequence = 0;
  private source = '';
  private handedOver: RecordedEvent[] = [];
  private checkpointed = 0;
  private leaseUntil = 0;
  private checkpointAt = 0;
  private readonly running: Promise<void>;
  private readonly stopListening: () => void;

  constructor(private readonly options: PublisherOptions) {
    this.stopListening = options.store.onCommitted((events) => this.handOver(events));
    this.running = this.run();
  }

  /** Writes the checkpoint and gives the lease back. */
  async stop(): Promise<void> {
    const publishing = this.state === 'publishing';
    this.state = 'stopped';
    this.stopListening();
    this.options.signal.wakeAll();
    await this.running;
    if (publishing) await this.saveCheckpoint().catch((error: unknown) => this.report(error));
    if (this.leaseUntil > 0) await this.options.store.releaseLease(LEASE, this.options.owner).catch((error: unknown) => this.report(error));
  }

  private get live(): boolean {
    return this.state !== 'stopped' && this.state !== 'halted';
  }

  private async run(): Promise<void> {
    const { signal, pollMs = 1_000 } = this.options;
    while (this.live) {
      try {
        if (!(await this.holdLease())) await signal.waitBeyond(Number.MAX_SAFE_INTEGER, this.leaseTtlMs / 3);
        else if (!(await this.publishNext())) await signal.waitBeyond(this.cursor, pollMs);
      } catch (error) {
        this.report(error);
        // Whether the bus took the batch is unknown: begin again at what it has.
        if (this.state === 'publishing') this.state = 'standby';
        if (this.live) await signal.waitBeyond(Number.MAX_SAFE_INTEGER, RETRY_MS);
      }
    }
  }

  private get leaseTtlMs(): number {
    return this.options.leaseTtlMs ?? 3_000;
  }

  private async holdLease(): Promise<boolean> {
    const now = performance.now();
    if (this.state === 'publishing' && now < this.leaseUntil - (this.leaseTtlMs * 2) / 3) return true;
    const lease = await this.options.store.claimLease(LEASE, this.options.owner, this.leaseTtlMs);
    if (!this.live) return false;
    if (!lease) {
      this.state = 'standby';
      return false;
    }
    this.leaseUntil = now + this.leaseTtlMs;
    if (this.state === 'standby') await this.recover();
    return this.live;
  }

  /** Finds out what the bus has: its last message, not our memory, says where to go on. */
  private async recover(): Promise<void> {
    const { store, bus } = this.options;
    const last = await bus.lastMessage();
    const head = await store.head();
    const checkpoint = await checkpointOf(store.database, CHECKPOINT);
    const source = sourceOf(head.name, head.epoch);
    // An empty bus, or one that ends with another epoch's events, says nothing about this epoch's positions.
    const comparable = last.position !== null && (last.source === undefined || last.source === source);
    if (comparable) await this.assertSameHistory(last, head);
    this.source = source;
    this.sequence = last.sequence;
    this.cursor = comparable ? last.position : checkpoint;
    this.checkpointed = checkpoint;
    this.handedOver = [];
    if (this.state === 'standby') this.state = 'publishing';
  }

  /** Throws AppError `LOG_ROLLED_BACK`, once a new epoch is open, when the bus knows an event that the log does not. */
  private async assertSameHistory(last: LastMessage & { position: number }, head: LogHead): Promise<void> {
    const { store } = this.options;
    const [event] = last.position > head.size ? [] : await store.readAll({ from: last.position - 1, limit: 1 });
    if (event?.id === last.eventId) return;
    await setCheckpoint(store.database, CHECKPOINT, head.size);
    await store.database.query({ name: 'es_open_log_epoch', text: 'SELECT es.open_log_epoch($1)' }, [head.epoch]);
    this.state = 'halted';
    throw new AppError(
      'LOG_ROLLED_BACK',
      'internal',
      `the bus ends with event ${last.eventId} at position ${last.position}, which is not in the log (size ${head.size}): PostgreSQL was restored to an earlier state. ` +
        `Epoch ${head.epoch + 1} is open; tell the readers of the bus, then start again`,
    );
  }

  /** False when nothing is to be published. */
  private async publishNext(): Promise<boolean> {
    await this.saveCheckpointSometimes();
    const events = await this.nextEvents();
    if (events.length === 0) return false;
    const messages = events.map((event): BusMessage => busMessage(this.source, event));
    this.sequence = await this.options.bus.publishBatch(messages, this.sequence);
    this.cursor = (events.at(-1) as RecordedEvent).position;
    return true;
  }

  /** What was just committed here, when it follows on; otherwise from the table. */
  private async nextEvents(): Promise<RecordedEvent[]> {
    const behind = this.handedOver.findIndex(({ position }) => position > this.cursor);
    this.handedOver = behind < 0 ? [] : behind === 0 ? this.handedOver : this.handedOver.slice(behind);
    if (this.handedOver[0]?.position !== this.cursor + 1) return this.options.store.readAll({ from: this.cursor, limit: BATCH });
    let count = 1;
    while (count < BATCH && this.handedOver[count]?.position === this.cursor + 1 + count) count++;
    return this.handedOver.slice(0, count);
  }

  private handOver(events: readonly RecordedEvent[]): void {
    if (this.state !== 'publishing') return;
    if (this.handedOver.length + events.length > MAX_HANDED_OVER) this.handedOver = [];
    else this.handedOver.push(...events);
  }

  /** The checkpoint matters only when the bus is empty, so it may lag. */
  private async saveCheckpointSometimes(): Promise<void> {
    if (performance.now() < this.checkpointAt) return;
    await this.saveCheckpoint();
  }

  private async saveCheckpoint(): Promise<void> {
    this.checkpointAt = performance.now() + CHECKPOINT_EVERY_MS;
    if (this.cursor === this.checkpointed) return;
    await setCheckpoint(this.options.store.database, CHECKPOINT, this.cursor);
    this.checkpointed = this.cursor;
  }

  private report(error: unknown): void {
    this.options.onError?.(
      error instanceof AppError ? error : new AppError('PUBLISH_FAILED', 'unavailable', String(error), {}, { cause: error }),
    );
  }
}
