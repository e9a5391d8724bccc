/** Two histories of one delegation side by side: what is the same, what changed, what only one of them has. */
import type { JsonValue } from '@mandate/kernel';
import type { DelegationEvent } from '../events.js';
import { stepIdOf } from './recorded-commands.js';
import { stableText } from './stable-text.js';

export interface HistoryLine {
  is: 'same' | 'changed' | 'removed' | 'added';
  type: DelegationEvent['type'];
  stepId?: string;
  /** Fields of `data` that differ; personal ones are not told. */
  fields?: { [name: string]: { before?: JsonValue; after?: JsonValue } };
}

/** Times, what is made anew by each run, and what older histories do not tell. */
const OF_A_RUN: ReadonlySet<string> = new Set([
  'closeAt',
  'retryAt',
  'expiresAt',
  'commandId',
  'digest',
  'own',
  'lease',
  'bytes',
  'deadlineAt',
  'offer',
  'quarantined',
]);

interface Placed {
  key: string;
  event: DelegationEvent;
}

/** The n-th event of a type and step is compared with the n-th. */
const placed = (events: readonly DelegationEvent[]): Placed[] => {
  const seen = new Map<string, number>();
  return events.map((event) => {
    const kind = `${event.type}/${stepIdOf(event) ?? ''}`;
    const number = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, number);
    return { key: `${kind}/${number}`, event };
  });
};

export const diffHistories = (before: readonly DelegationEvent[], after: readonly DelegationEvent[]): HistoryLine[] => {
  const [old, fresh] = [placed(before), placed(after)];
  const oldKeys = new Map(old.map(({ key, event }) => [key, event]));
  const freshKeys = new Set(fresh.map(({ key }) => key));
  const removed = old.filter(({ key }) => !freshKeys.has(key)).map(({ event }) => lineOf('removed', event));
  const others = fresh.map(({ key, event }) => {
    const was = oldKeys.get(key);
    if (!was) return lineOf('added', event);
    const fields = changedFields(was.data, event.data);
    return Object.keys(fields).length === 0 ? lineOf('same', event) : { ...lineOf('changed', event), fields };
  });
  return [...others, ...removed];
};

const lineOf = (is: HistoryLine['is'], event: DelegationEvent): HistoryLine => {
  const stepId = stepIdOf(event);
  return { is, type: event.type, ...(stepId === null ? {} : { stepId }) };
};

const changedFields = (before: object, after: object): NonNullable<HistoryLine['fields']> => {
  const [old, fresh] = [before, after] as [Record<string, JsonValue>, Record<string, JsonValue>];
  const fields: NonNullable<HistoryLine['fields']> = {};
  for (const name of new Set([...Object.keys(old), ...Object.keys(fresh)]))
    if (!OF_A_RUN.has(name) && stableText(old[name]) !== stableText(fresh[name]))
      fields[name] = {
        ...(name in old ? { before: old[name] as JsonValue } : {}),
        ...(name in fresh ? { after: fresh[name] as JsonValue } : {}),
      };
  return fields;
};
