/** A kill test is worth what its checks find: each finds the one thing that was spoiled. */
import { extendFrontier, leafHash } from '@mandate/event-store';
import { describe, expect, it } from '@jest/globals';
import { checkBus, checkEndings, checkLedger, checkLog, checkOutputs, checkRest, checkSuccesses, type StepOutput } from './checks.js';
import type { Asked } from './load.js';
import type { BusEvent, Log, LoggedEvent } from './log.js';

const ASKED: Asked[] = [
  { id: 'D1', shape: 'sequential' },
  { id: 'D2', shape: 'direct' },
];
const HISTORY: [string, string, string?][] = [
  ['D1', 'requested'],
  ['D2', 'requested'],
  ['D1', 'stepsucceeded', 'a'],
  ['D1', 'stepsucceeded', 'b'],
  ['D2', 'stepsucceeded', 'a'],
  ['D2', 'completed'],
  ['D1', 'stepsucceeded', 'c'],
  ['D1', 'completed'],
];

const logOf = (history: typeof HISTORY): Log => {
  const versions = new Map<string, number>();
  let frontier: Buffer = Buffer.alloc(0);
  const events = history.map(([id, type, stepId], i): LoggedEvent => {
    const version = (versions.get(id) ?? 0) + 1;
    versions.set(id, version);
    frontier = extendFrontier(i, frontier, leafHash(Buffer.from(`${id} ${version}`)));
    const position = i + 1;
    return { position, id: `E${position}`, stream: `default/delegation/${id}`, version, type, stepId, recordedAt: position };
  });
  return { events, size: events.length, frontier, recomputed: frontier, forged: [] };
};
const without = (n: number): Log => logOf(HISTORY.filter((_event, i) => i !== n));
const GOOD = logOf(HISTORY);
const BUS: BusEvent[] = GOOD.events.map(({ id, position, stream }) => ({ id, position, stream }));
const APPLIED = ['D1/a', 'D1/b', 'D1/c', 'D2/a'].map((key) => ({ step_key: key, token: `token of ${key}` }));
const SHOWN: StepOutput[] = APPLIED.map(({ step_key: stepKey, token }) => {
  const after = { 'D1/b': { a: 'token of D1/a' }, 'D1/c': { b: 'token of D1/b' } }[stepKey] ?? {};
  return { stepKey, state: 'TASK_STATE_COMPLETED', output: { token, after } };
});

it('finds nothing where everything holds', () => {
  expect([
    ...checkEndings(ASKED, GOOD),
    ...checkSuccesses(ASKED, GOOD),
    ...checkLedger(ASKED, APPLIED),
    ...checkOutputs(ASKED, SHOWN, APPLIED),
    ...checkLog(GOOD),
    ...checkBus(GOOD, [...BUS, ...BUS]),
    ...checkRest({ 'es.slot': 0 }, ['LEASE_NOT_CURRENT']),
  ]).toEqual([]);
});

describe('finds', () => {
  const cases: [string, () => string[], string][] = [
    ['a request without an end', () => checkEndings(ASKED, without(7)), '1 acked requests without an end: D1'],
    ['two ends', () => checkEndings(ASKED, logOf([...HISTORY, ['D2', 'completed']])), '1 delegations that ended more than once: D2'],
    ['a stranger', () => checkEndings(ASKED.slice(1), GOOD), '1 delegations that nobody asked for: D1'],
    [
      'a failure',
      () => checkEndings(ASKED, logOf([...HISTORY.slice(0, 7), ['D1', 'failed']])),
      '1 delegations that did not complete: D1 failed',
    ],
    ['a missing success', () => checkSuccesses(ASKED, without(3)), '1 steps without success: D1/b'],
    [
      'a second success',
      () => checkSuccesses(ASKED, logOf([...HISTORY, ['D1', 'stepsucceeded', 'b']])),
      '1 steps that succeeded more than once: D1/b',
    ],
    ['an effect that is missing', () => checkLedger(ASKED, APPLIED.slice(1)), '1 steps without a row in the ledger: D1/a'],
    [
      'an effect done twice',
      () => checkLedger(ASKED, [...APPLIED, ...APPLIED.slice(3)]),
      '1 rows in the ledger that are not of one step once: D2/a',
    ],
    [
      'another output',
      () => checkOutputs(ASKED, SHOWN, [...APPLIED.slice(0, 3), { step_key: 'D2/a', token: 'other' }]),
      '1 steps whose output is not what the ledger has: D2/a',
    ],
    [
      'a gap',
      () =>
        checkLog({
          ...GOOD,
          size: 7,
          events: GOOD.events.filter(({ position }) => position !== 8).map((e) => ({ ...e, position: e.position + 1 })),
        }),
      '7 positions out of order: 2, 3, 4, 5, 6 …',
    ],
    ['a lost event', () => checkLog({ ...GOOD, size: 9 }), 'the head says 9 events, there are 8'],
    ['a changed event', () => checkLog({ ...GOOD, forged: [3] }), '1 leaf hashes that are not of the stored bytes: 3'],
    ['another frontier', () => checkLog({ ...GOOD, frontier: Buffer.alloc(32) }), 'the frontier is not that of the leaves'],
    ['an event that was not published', () => checkBus(GOOD, BUS.slice(0, 7)), '1 events that are not on the bus: 8'],
    [
      'an event that was published out of order',
      () => checkBus(GOOD, [...BUS.slice(1), ...BUS.slice(0, 1)]),
      '1 events out of order for their aggregate: default/delegation/D1 1',
    ],
    [
      'an event from nowhere',
      () => checkBus(GOOD, [...BUS, { id: 'E9', position: 9, stream: 'default/delegation/D1' }]),
      '1 events on the bus that the log does not have so: E9 at 9',
    ],
    ['a slot held', () => checkRest({ 'es.slot': 2 }, []), '2 left in es.slot'],
    ['another message parked', () => checkRest({}, ['INTERNAL']), '1 parked messages that are not results under an ended lease: INTERNAL'],
  ];
  it.each(cases)('%s', (_name, check, expected) => expect(check()).toEqual([expected]));
});
