/** Queues appends in the process and commits what came during the last commit in one call. No timer, at most two calls under way. */
import { AppError } from '@mandate/kernel';
import type { AppendCall, BatchEntry, EntryOutcome } from './append-call.js';
import { streamKeyOf } from './data-keys.js';
import type { PreparedEntry } from './prepare.js';

const MAX_BATCH_EVENTS = 512;
const MAX_BATCH_BYTES = 1024 * 1024;
/** Enough entries for a call of their own while another is under way; fewer wait for it, because a call has a price. */
const WORTH_A_CALL = 16;

interface Waiting {
  prepared: PreparedEntry;
  resolve(outcome: EntryOutcome): void;
  reject(error: unknown): void;
}

type Streams = ReadonlyMap<string, BatchEntry>;

export class GroupCommit {
  private queue: Waiting[] = [];
  /** The streams of each call under way. */
  private readonly calls = new Set<Streams>();
  private scheduled = false;
  private whenIdle: (() => void)[] = [];

  /** `committed` is told of each batch, in the order of positions, before any caller of it is. */
  constructor(
    private readonly call: AppendCall,
    private readonly now: () => number,
    private readonly committed: (batch: readonly BatchEntry[], outcomes: readonly EntryOutcome[]) => void,
  ) {}

  submit(prepared: PreparedEntry): Promise<EntryOutcome> {
    return new Promise((resolve, reject) => {
      this.queue.push({ prepared, resolve, reject });
      this.schedule();
    });
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.queue.length + this.calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.whenIdle.push(resolve));
  }

  /** A turn of the event loop lets everyone in who is about to append: callers of the last batch, messages just received. */
  private schedule(): void {
    if (this.scheduled || this.calls.size === 2) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.send();
    });
  }

  /** Of many, half goes ahead, so that PostgreSQL and this process work at the same time from then on. */
  private send(): void {
    if (this.calls.size === 0 && this.queue.length > 0)
      this.sendBatch(this.queue.length >= 2 * WORTH_A_CALL ? this.queue.length / 2 : Infinity);
    if (this.calls.size === 1 && this.queue.length >= WORTH_A_CALL) this.sendBatch(Infinity);
    if (this.queue.length + this.calls.size === 0) for (const resolve of this.whenIdle.splice(0)) resolve();
  }

  private sendBatch(limit: number): void {
    const [underWay] = this.calls;
    const { taken, batch, streams } = formBatch(this.queue, limit, underWay);
    if (batch.length === 0) return;
    this.queue = this.queue.slice(taken.length);
    this.calls.add(streams);
    void this.commit(taken, batch).then(() => {
      this.calls.delete(streams);
      this.schedule();
    });
  }

  private async commit(taken: readonly Waiting[], batch: readonly BatchEntry[]): Promise<void> {
    try {
      const outcomes = await this.call.append(batch, this.now());
      this.committed(batch, outcomes);
      taken.forEach(({ resolve }, i) => resolve(outcomes[i] as EntryOutcome));
    } catch (error) {
      if (taken.length > 1 && error instanceof AppError && error.code === 'STORE_REFUSED') {
        // PostgreSQL undid the whole batch because of one of them: find out which.
        for (const waiting of taken) await this.commit([waiting], formBatch([waiting], 1).batch);
      } else for (const { reject } of taken) reject(error);
    }
  }
}

/**
 * As much of the queue as one call takes. An entry that depends on the outcome of one before it, other than by following its version, waits for the
 * next call; so does one whose stream is under way, because that call may have to be made again.
 */
const formBatch = (
  queue: readonly Waiting[],
  limit: number,
  underWay?: Streams,
): { taken: Waiting[]; batch: BatchEntry[]; streams: Streams } => {
  const taken: Waiting[] = [];
  const batch: BatchEntry[] = [];
  const lastOf = new Map<string, BatchEntry>();
  const idempotencyKeys = new Set<string>();
  let events = 0;
  let bytes = 0;
  for (const waiting of queue) {
    const { prepared } = waiting;
    events += prepared.events.length;
    bytes += prepared.bytes;
    if (
      batch.length >= limit ||
      (batch.length > 0 && (events > MAX_BATCH_EVENTS || batch.length >= MAX_BATCH_EVENTS || bytes > MAX_BATCH_BYTES))
    )
      break;
    const stream = streamKeyOf(prepared.entry.tenant, prepared.entry.stream);
    if (underWay?.has(stream)) break;
    const before = lastOf.get(stream);
    if (before && !follows(prepared, before)) break;
    const key = idempotencyKeyOf(prepared);
    if (key !== null && idempotencyKeys.has(key)) break;
    if (key !== null) idempotencyKeys.add(key);
    const placed = place(prepared, batch, before);
    lastOf.set(stream, placed);
    batch.push(placed);
    taken.push(waiting);
  }
  return { taken, batch, streams: lastOf };
};

const follows = ({ entry, expected }: PreparedEntry, before: BatchEntry): boolean =>
  entry.request === undefined && expected >= 0 && before.expected >= 0 && expected === before.expected + before.events.length;

const idempotencyKeyOf = ({ entry }: PreparedEntry): string | null => {
  const given = entry.request?.idempotency;
  return given ? JSON.stringify([entry.tenant, given.principal, given.key]) : null;
};

const place = (prepared: PreparedEntry, batch: readonly BatchEntry[], before: BatchEntry | undefined): BatchEntry => {
  const { entry, streamKey } = prepared;
  const wakeAt = entry.wakeAt === undefined || entry.wakeAt === null ? entry.wakeAt : entry.wakeAt.getTime();
  if (before) {
    before.root ??= batch.indexOf(before) + 1;
    before.next = batch.length + 1;
  }
  const placed: BatchEntry = {
    entry,
    expected: prepared.expected,
    events: prepared.events,
    bytes: prepared.bytes,
    streamKey,
    root: before?.root,
    next: undefined,
    open: entry.open ?? before?.open,
    wakeAt: wakeAt === undefined ? before?.wakeAt : wakeAt,
    dataKey: streamKey?.key.wrapped ?? before?.dataKey,
    newKey: streamKey?.isNew ?? before?.newKey ?? false,
  };
  const root = placed.root === undefined ? undefined : batch[placed.root - 1];
  if (root && root.dataKey === undefined && placed.dataKey !== undefined)
    Object.assign(root, { dataKey: placed.dataKey, newKey: placed.newKey });
  return placed;
};
