/** Queues appends in the process and commits what came during the last commit in one call. No timer, at most one call under way. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '@mandate/kernel';
import type { AppendCall, BatchEntry, EntryOutcome } from './append-call.js';
import { streamKeyOf } from './data-keys.js';
import type { PreparedEntry } from './prepare.js';

const MAX_BATCH_EVENTS = 512;
const MAX_BATCH_BYTES = 1024 * 1024;

interface Waiting {
  prepared: PreparedEntry;
  resolve(outcome: EntryOutcome): void;
  reject(error: unknown): void;
}

export class GroupCommit {
  private queue: Waiting[] = [];
  private running: Promise<void> | null = null;

  /** `committed` is told of each batch, in the order of positions, before any caller of it is. */
  constructor(
    private readonly call: AppendCall,
    private readonly now: () => number,
    private readonly committed: (batch: readonly BatchEntry[], outcomes: readonly EntryOutcome[]) => void,
  ) {}

  submit(prepared: PreparedEntry): Promise<EntryOutcome> {
    return new Promise((resolve, reject) => {
      this.queue.push({ prepared, resolve, reject });
      this.running ??= this.run();
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.running) await this.running;
  }

  private async run(): Promise<void> {
    // A turn of the event loop lets everyone in who is about to append: callers of the last batch, messages just received.
    await nextTurn();
    while (this.queue.length > 0) {
      const { taken, batch } = formBatch(this.queue);
      this.queue = this.queue.slice(taken.length);
      await this.commit(taken, batch);
      await nextTurn();
    }
    this.running = null;
  }

  private async commit(taken: readonly Waiting[], batch: readonly BatchEntry[]): Promise<void> {
    try {
      const outcomes = await this.call.append(batch, this.now());
      this.committed(batch, outcomes);
      taken.forEach(({ resolve }, i) => resolve(outcomes[i] as EntryOutcome));
    } catch (error) {
      if (taken.length > 1 && error instanceof AppError && error.code === 'STORE_REFUSED') {
        // PostgreSQL undid the whole batch because of one of them: find out which.
        for (const waiting of taken) await this.commit([waiting], formBatch([waiting]).batch);
      } else for (const { reject } of taken) reject(error);
    }
  }
}

/** As much of the queue as one call takes. An entry that depends on the outcome of one before it, other than by following its version, waits for the next. */
const formBatch = (queue: readonly Waiting[]): { taken: Waiting[]; batch: BatchEntry[] } => {
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
    if (batch.length > 0 && (events > MAX_BATCH_EVENTS || batch.length >= MAX_BATCH_EVENTS || bytes > MAX_BATCH_BYTES)) break;
    const stream = streamKeyOf(prepared.entry.tenant, prepared.entry.stream);
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
  return { taken, batch };
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
    ...prepared,
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
