/** What must hold after everything was killed; each function names what does not. */
import { SHAPES, type Asked } from './load.js';
import type { BusEvent, Log, LoggedEvent } from './log.js';

const FINAL = ['completed', 'failed', 'canceled', 'rejected'];
const SHOWN = 5;

/** One line for what may be thousands of findings of one kind. */
const finding = (what: string, which: readonly string[]): string[] =>
  which.length === 0 ? [] : [`${which.length} ${what}: ${which.slice(0, SHOWN).join(', ')}${which.length > SHOWN ? ' …' : ''}`];

const count = (keys: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};

export const stepKeysOf = (asked: readonly Asked[]): string[] =>
  asked.flatMap(({ id, shape }) => SHAPES[shape].map((step) => `${id}/${step.id}`));

const delegationOf = ({ stream }: LoggedEvent): string => stream.slice(stream.lastIndexOf('/') + 1);

/** Every acked request reached a final state, once, and that is: completed. Nobody asked for anything else. */
export const checkEndings = (asked: readonly Asked[], { events }: Log): string[] => {
  const ids = new Set(asked.map(({ id }) => id));
  const endings = events.filter(({ type, stream }) => FINAL.includes(type) && stream.includes('/delegation/'));
  const ended = count(endings.map(delegationOf));
  return [
    ...finding(
      'acked requests without an end',
      [...ids].filter((id) => !ended.has(id)),
    ),
    ...finding(
      'delegations that ended more than once',
      [...ended].filter(([, times]) => times > 1).map(([id]) => id),
    ),
    ...finding(
      'delegations that nobody asked for',
      [...ended.keys()].filter((id) => !ids.has(id)),
    ),
    ...finding(
      'delegations that did not complete',
      endings.filter(({ type }) => type !== 'completed').map((event) => `${delegationOf(event)} ${event.type}`),
    ),
  ];
};

/** Exactly one success a step, and no step that was not asked for. */
export const checkSuccesses = (asked: readonly Asked[], { events }: Log): string[] => {
  const succeeded = count(events.filter(({ type }) => type === 'stepsucceeded').map((event) => `${delegationOf(event)}/${event.stepId}`));
  const expected = new Set(stepKeysOf(asked));
  return [
    ...finding(
      'steps without success',
      [...expected].filter((key) => !succeeded.has(key)),
    ),
    ...finding(
      'steps that succeeded more than once',
      [...succeeded].filter(([, times]) => times > 1).map(([key]) => key),
    ),
    ...finding(
      'successes of unknown steps',
      [...succeeded.keys()].filter((key) => !expected.has(key)),
    ),
  ];
};

/** The workers' own books: one applied row for each step that succeeded, and none for anything else. */
export const checkLedger = (asked: readonly Asked[], applied: readonly { step_key: string }[]): string[] => {
  const rows = count(applied.map((row) => row.step_key));
  const expected = new Set(stepKeysOf(asked));
  return [
    ...finding(
      'steps without a row in the ledger',
      [...expected].filter((key) => !rows.has(key)),
    ),
    ...finding(
      'rows in the ledger that are not of one step once',
      [...rows].filter(([key, times]) => times > 1 || !expected.has(key)).map(([key]) => key),
    ),
  ];
};

/** Positions are 1..N, versions of each stream 1..n, and the Merkle frontier is that of the stored bytes. */
export const checkLog = ({ events, size, frontier, recomputed, forged }: Log): string[] => {
  const versions = new Map<string, number>();
  const jumps: string[] = [];
  for (const { stream, version } of events) {
    if (version !== (versions.get(stream) ?? 0) + 1) jumps.push(`${stream} ${version}`);
    versions.set(stream, version);
  }
  return [
    ...finding(
      'positions out of order',
      events.filter(({ position }, i) => position !== i + 1).map(({ position }) => String(position)),
    ),
    ...(events.length === size ? [] : [`the head says ${size} events, there are ${events.length}`]),
    ...finding('versions out of order', jumps),
    ...finding('leaf hashes that are not of the stored bytes', forged.map(String)),
    ...(recomputed.equals(frontier) ? [] : ['the frontier is not that of the leaves']),
  ];
};

/**
 * Every event is on the bus at least once, under its own id and position, in order for its aggregate. `later`: the log as it was once the bus had been
 * read; what is on the bus has to be in there.
 */
export const checkBus = ({ events }: Log, published: readonly BusEvent[], later: Pick<Log, 'events'> = { events }): string[] => {
  const logged = new Map(later.events.map((event) => [event.id, event]));
  const first = new Map<string, BusEvent>();
  for (const event of published) if (!first.has(event.id)) first.set(event.id, event);
  const last = new Map<string, number>();
  const late: string[] = [];
  for (const { stream, position } of first.values()) {
    if (position < (last.get(stream) ?? 0)) late.push(`${stream} ${position}`);
    last.set(stream, position);
  }
  const isOther = ({ id, position, stream }: BusEvent): boolean =>
    logged.get(id)?.position !== position || logged.get(id)?.stream !== stream;
  return [
    ...finding(
      'events that are not on the bus',
      events.filter(({ id }) => !first.has(id)).map(({ position }) => String(position)),
    ),
    ...finding(
      'events on the bus that the log does not have so',
      published.filter(isOther).map(({ id, position }) => `${id} at ${position}`),
    ),
    ...finding('events out of order for their aggregate', late),
  ];
};

/** Nothing is left in hand: no slot held, no step waiting, no open delegation, no message. What was parked is late results only. */
export const checkRest = (rest: Record<string, number>, parked: readonly string[]): string[] => [
  ...Object.entries(rest)
    .filter(([, left]) => left !== 0)
    .map(([what, left]) => `${left} left in ${what}`),
  ...finding(
    'parked messages that are not results under an ended lease',
    parked.filter((reason) => reason !== 'LEASE_NOT_CURRENT'),
  ),
];

export interface StepOutput {
  stepKey: string;
  state: string;
  output: { token?: unknown; after?: Record<string, unknown> } | undefined;
}

/** What the API shows of each step is what the ledger has: its token, and the tokens of the steps that it depends on. */
export const checkOutputs = (
  asked: readonly Asked[],
  shown: readonly StepOutput[],
  applied: readonly { step_key: string; token: string }[],
): string[] => {
  const tokens = new Map(applied.map(({ step_key: key, token }) => [key, token]));
  const outputs = new Map(shown.map((step) => [step.stepKey, step]));
  const wrong = asked.flatMap(({ id, shape }) =>
    SHAPES[shape]
      .filter((step) => {
        const found = outputs.get(`${id}/${step.id}`);
        const after = Object.fromEntries(step.dependsOn.map((before) => [before, tokens.get(`${id}/${before}`)]));
        const expected = { token: tokens.get(`${id}/${step.id}`), after };
        return found?.state !== 'TASK_STATE_COMPLETED' || JSON.stringify(found.output) !== JSON.stringify(expected);
      })
      .map((step) => `${id}/${step.id}`),
  );
  return finding('steps whose output is not what the ledger has', wrong);
};
