/** One call of es.append: parameters out, outcomes back. */
import { boolArray, byteaArray, int2Array, int4Array, int8Array, textArray, timeArray, timestamp } from './binary-array.js';
import type { Row } from './database.js';
import type { Pipeline } from './pipeline.js';
import type { PreparedEntry } from './prepare.js';
import type { RejectionCode } from './types.js';

/** A prepared entry at its place in a batch. What a chain's entries leave unsaid is carried over from the one before. */
export interface BatchEntry extends PreparedEntry {
  /** Number, from 1, of the first entry of the same stream in the batch; undefined = none but this one. */
  root: number | undefined;
  /** Of the next one. */
  next: number | undefined;
  open: boolean | undefined;
  /** Milliseconds; undefined = leave as it is. */
  wakeAt: number | null | undefined;
  dataKey: Buffer | undefined;
  newKey: boolean;
}

export type EntryOutcome =
  | { ok: true; firstPosition: number; recordedAt: string }
  | { ok: false; code: RejectionCode | 'STALE_KEY'; currentVersion: number; existing: { type: string; id: string } | null };

/** One value, not a row of a function scan: that costs PostgreSQL less. */
const APPEND = {
  name: 'es_append',
  text: `SELECT row_to_json(es.append(${Array.from({ length: 29 }, (_, i) => `$${i + 1}`).join(', ')})) AS answer`,
};

const LOG_ID = 1;

/** Appends batches of one process. */
export class AppendCall {
  /** Types that are in `es.event_type` already. */
  private readonly knownTypes = new Set<string>();

  constructor(private readonly pipeline: Pipeline) {}

  async append(batch: readonly BatchEntry[], nowMs: number): Promise<EntryOutcome[]> {
    const types = this.newTypes(batch);
    const [row] = await this.pipeline.query(APPEND, [
      LOG_ID,
      timestamp(nowMs),
      ...entryColumns(batch),
      ...eventColumns(batch),
      slotChanges(batch),
      waitingChanges(batch),
      types.size > 0 ? JSON.stringify([...types.values()]) : null,
    ]);
    for (const name of types.keys()) this.knownTypes.add(name);
    return outcomes(batch, (row as Row)['answer'] as Answer);
  }

  private newTypes(batch: readonly BatchEntry[]): Map<string, { type: string; version: number }> {
    const types = new Map<string, { type: string; version: number }>();
    for (const { events } of batch)
      for (const { event } of events) {
        const version = event.schemaVersion ?? 1;
        const name = `${event.type}@${version}`;
        if (!this.knownTypes.has(name)) types.set(name, { type: event.type, version });
      }
    return types;
  }
}

const entryColumns = (batch: readonly BatchEntry[]): unknown[] => {
  let offset = 0;
  const offsets = batch.map(({ events }) => (offset += events.length) - events.length);
  const idempotency = batch.map(({ entry }) => entry.request?.idempotency);
  return [
    textArray(batch.map(({ entry }) => entry.tenant)),
    textArray(batch.map(({ entry }) => entry.stream.type)),
    textArray(batch.map(({ entry }) => entry.stream.id)),
    int8Array(batch.map(({ expected }) => expected)),
    int4Array(batch.map(({ events }) => events.length)),
    int4Array(batch.map(({ root }) => root)),
    int4Array(batch.map(({ next }) => next)),
    int4Array(offsets),
    int2Array(batch.map(({ entry }) => entry.partition?.index)),
    int8Array(batch.map(({ entry }) => entry.partition?.epoch)),
    int8Array(batch.map(({ entry }) => entry.slots?.schedulerEpoch)),
    boolArray(batch.map(({ open }) => open)),
    boolArray(batch.map(({ wakeAt }) => (wakeAt === undefined ? undefined : true))),
    timeArray(batch.map(({ wakeAt }) => wakeAt)),
    byteaArray(batch.map(({ entry }) => entry.request?.digest)),
    textArray(idempotency.map((given) => given?.principal)),
    textArray(idempotency.map((given) => given?.key)),
    byteaArray(batch.map(({ dataKey }) => dataKey)),
    boolArray(batch.map(({ newKey }) => newKey || undefined)),
  ];
};

const eventColumns = (batch: readonly BatchEntry[]): unknown[] => {
  const events = batch.flatMap((entry) => entry.events);
  const numbers = batch.flatMap(({ events: own }, index) => own.map(() => index + 1));
  const canonical = Buffer.allocUnsafe(events.reduce((sum, { bytes }) => sum + bytes, 0));
  const starts = [1];
  let at = 0;
  for (const event of events) {
    at += canonical.write(event.canonical, at);
    starts.push(at + 1);
  }
  return [
    int4Array(numbers),
    textArray(events.map(({ event }) => event.type)),
    int4Array(events.map(({ event }) => event.schemaVersion)),
    int4Array(starts),
    canonical,
  ];
};

const slotChanges = (batch: readonly BatchEntry[]): string | null => {
  const acquire = batch.flatMap(({ entry }, index) =>
    (entry.slots?.acquire ?? []).map(({ stepId, ...slot }) => ({
      ...target(entry, index, stepId),
      ...slot,
      partition: entry.partition?.index,
    })),
  );
  const release = batch.flatMap(({ entry }, index) => (entry.slots?.release ?? []).map((stepId) => target(entry, index, stepId)));
  return acquire.length + release.length === 0 ? null : JSON.stringify({ acquire, release });
};

const waitingChanges = (batch: readonly BatchEntry[]): string | null => {
  const add = batch.flatMap(({ entry }, index) =>
    (entry.waiting?.add ?? []).map(({ stepId, ...step }) => ({ ...target(entry, index, stepId), ...step })),
  );
  const remove = batch.flatMap(({ entry }, index) => (entry.waiting?.remove ?? []).map((stepId) => target(entry, index, stepId)));
  return add.length + remove.length === 0 ? null : JSON.stringify({ add, remove });
};

const target = ({ tenant, stream }: BatchEntry['entry'], index: number, step: string): Record<string, unknown> => ({
  n: index + 1,
  tenant,
  id: stream.id,
  step,
});

interface Rejection {
  n: number;
  code: RejectionCode | 'STALE_KEY';
  currentVersion: number;
  existingType: string | null;
  existingId: string | null;
}

interface Answer {
  size_before: number;
  recorded: string;
  rejected: Rejection[] | null;
}

/** Positions are contiguous over the accepted entries, in their order. */
const outcomes = (batch: readonly BatchEntry[], answer: Answer): EntryOutcome[] => {
  const rejected = new Map((answer.rejected ?? []).map((rejection) => [rejection.n, rejection]));
  const recordedAt = new Date(answer.recorded).toISOString();
  let position = answer.size_before + 1;
  return batch.map(({ events }, index) => {
    const rejection = rejected.get(index + 1);
    if (rejection) {
      const { code, currentVersion, existingType, existingId } = rejection;
      return {
        ok: false,
        code,
        currentVersion,
        existing: existingType !== null && existingId !== null ? { type: existingType, id: existingId } : null,
      };
    }
    const firstPosition = position;
    position += events.length;
    return { ok: true, firstPosition, recordedAt };
  });
};
