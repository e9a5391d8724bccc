/** Requests that are wrong in what they say. */
import { REQUEST_LIMITS } from '@mandate/contracts';
import type { Seeded } from '@mandate/testing';
import { anyValue } from './broken-json.js';
import {
  nested,
  requestSubject,
  seededId,
  textOfBytes,
  withField,
  type Fate,
  type HostileMessage,
  type Target,
} from './hostile-message.js';

interface Odd {
  body: string;
  subject?: string;
  headers?: Record<string, string>;
  fate?: Fate;
}
type Make = (random: Seeded, target: Target) => Odd;

const step = (id: string, capability: string, dependsOn: string[] = []): Record<string, unknown> => ({ id, capability, dependsOn });
const asking = (steps: unknown, more: object = {}): string =>
  JSON.stringify({ goal: 'fuzz', ...more, ...(steps === undefined ? {} : { steps }) });
const many = (count: number, capability: string): string =>
  `{"goal":"fuzz","steps":[${Array.from({ length: count }, (_, i) => `{"id":"s${i}","capability":"${capability}"}`).join(',')}]}`;
const FIELDS = [
  'id',
  'idempotencyKey',
  'onDuplicate',
  'goal',
  'pattern',
  'steps',
  'tools',
  'budget',
  'approval',
  'parent',
  'dataSubject',
  'metadata',
];
/** Of the wrong type for every field above. */
const WRONG = ['null', 'true', '3', '-1.5', '1e999', '[1]', '[[]]', '[null]', '{"a":{"b":1}}', '{"__proto__":1}', '""'];
const WORDS = ['and then ', 'search ', 'in parallel ', 'after that, ', '((((', '1. ', '\u202e', '😀', 'a'.repeat(50), '\n- ', '"', '\\'];

const REFUSED: Readonly<Record<string, Make>> = {
  'a field of the wrong type': (random, { capability }) => {
    const name = random.pick(FIELDS);
    const good: Record<string, unknown> = { goal: 'fuzz', steps: [step('a', capability)] };
    delete good[name];
    return { body: withField(good, name, random.pick(WRONG)) };
  },
  'a field of a step of the wrong type': (random) => {
    const name = random.pick(['id', 'capability', 'dependsOn', 'timeout', 'maxAttempts', 'irreversible', 'goal', 'priority', '__proto__']);
    const fields: Record<string, unknown> = { id: 'a', capability: 'no-such-capability' };
    delete fields[name];
    return { body: `{"goal":"fuzz","steps":[${withField(fields, name, anyValue(random))}]}` };
  },
  'unknown capability': (random) => ({ body: asking([step('a', `none-${random.integer(0, 1e9)}`)]) }),
  'capability of Object.prototype': (random) => ({
    body: asking([step('a', random.pick(['constructor', 'valueof', '__proto__', 'hasOwnProperty']))]),
  }),
  'duplicate step ids': (_random, { capability }) => ({
    body: asking([step('a', capability), step('b', capability), step('a', capability)]),
  }),
  'a cycle': (random, { capability }) => {
    const n = random.integer(2, 200);
    return { body: asking(Array.from({ length: n }, (_, i) => step(`s${i}`, capability, [`s${(i + 1) % n}`]))) };
  },
  'a step that waits for itself': (_random, { capability }) => ({ body: asking([step('a', capability, ['a'])]) }),
  'a step that waits for nobody': (random, { capability }) => ({
    body: asking([step('a', capability, [random.pick(['b', '__proto__', 'constructor', 'toString'])])]),
  }),
  'more steps than the limit': (_random, { capability }) => ({ body: many(REQUEST_LIMITS.steps + 1, capability) }),
  'more steps than the budget': (_random, { capability }) => ({
    body: asking(
      Array.from({ length: 20 }, (_, i) => step(`s${i}`, capability)),
      { budget: { steps: 19 } },
    ),
  }),
  'no steps': () => ({ body: asking([]) }),
  'as many steps as fit': (_random, { capability, maxPayload }) => ({
    body: many(Math.floor(maxPayload / (capability.length + 34)), capability),
  }),
  'input above the limit': (random) => ({
    body: withField({ goal: 'fuzz' }, 'input', textOfBytes(REQUEST_LIMITS.inputBytes + random.integer(1, 1_000))),
  }),
  'goal above the limit': (random) => ({ body: asking(undefined, { goal: 'g'.repeat(REQUEST_LIMITS.goal + random.integer(1, 1_000)) }) }),
  'a goal of nothing': () => ({ body: asking(undefined, { goal: '' }) }),
  'another id than the subject': (random) => ({ body: asking(undefined, { id: seededId(random) }) }),
  'a priority or key that is none': (random, { capability }) => ({
    body: withField(
      { goal: 'fuzz', steps: [step('a', capability)] },
      random.pick(['priority', 'concurrencyKey']),
      random.pick(['10', '""', '-1', 'null', '0.5', '[]']),
    ),
  }),
  'a budget out of bounds': (random, { capability }) => ({
    body: asking([step('a', capability)], {
      budget: random.pick([
        { deadline: 'P-1D' },
        { deadline: 'forever' },
        { depth: -1 },
        { depth: 1e9 },
        { steps: 0 },
        { usd: 'much' },
        { usd: '-0.40' },
        { tokens: 0 },
        { deadline: 'PT0S' },
      ]),
    }),
  }),
  'a parent of forged lease': (random, { capability, victims }) => {
    const { id, stepId, attempt } = random.pick(victims);
    return { body: asking([step('a', capability)], { parent: { delegationId: id, stepId, attempt, leaseId: seededId(random) } }) };
  },
  'a parent of another attempt': (random, { capability, victims }) => {
    const { id, stepId, attempt, leaseId } = random.pick(victims);
    return {
      body: asking([step('a', capability)], { parent: { delegationId: id, stepId, attempt: attempt + random.integer(1, 9), leaseId } }),
    };
  },
  'a parent that is not there': (random, { capability }) => ({
    body: asking([step('a', capability)], {
      parent: { delegationId: seededId(random), stepId: 'a', attempt: 1, leaseId: seededId(random) },
    }),
  }),
  'the id of a good delegation': (random, { capability, victims }) => ({
    subject: `mandate.v1.default.request.${random.pick(victims).id}.fuzz`,
    body: asking([step('a', capability)], { metadata: { n: String(random.integer(0, 1e9)) } }),
  }),
  'a tenant without workers': (random, { capability }) => ({
    subject: `mandate.v1.t${random.integer(0, 1e9)}.request.${seededId(random)}.fuzz`,
    body: asking([step('a', capability)]),
  }),
};

const ALLOWED: Readonly<Record<string, Make>> = {
  'control characters in the goal': (random, { capability }) => ({
    body: asking([step('a', capability)], { goal: controls(random) }),
    fate: 'any',
  }),
  'lone surrogates': (random, { capability }) => ({
    body: withField(
      { goal: 'fuzz', steps: [step('a', capability)] },
      random.pick(['goal', 'input', 'dataSubject', 'idempotencyKey']),
      `"x\\u${random.pick(['d800', 'dfff', 'dbff'])}${random.integer(0, 1e9)}"`,
    ),
  }),
  'NUL in what is kept': (random, { capability }) => ({
    body: withField(
      { goal: 'fuzz', steps: [step('a', capability)] },
      random.pick(['input', 'dataSubject', 'idempotencyKey']),
      `"\\u0000${random.integer(0, 1e9)}"`,
    ),
  }),
  'names of Object.prototype as step ids': (_random, { capability }) => ({
    body: asking([
      step('__proto__', capability),
      step('constructor', capability, ['__proto__']),
      step('toString', capability, ['constructor']),
    ]),
  }),
  '__proto__ within the input': (_random, { capability }) => ({
    body: withField(
      { goal: 'fuzz', steps: [step('a', capability)] },
      'input',
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
    ),
  }),
  '__proto__ in the metadata': (_random, { capability }) => ({
    body: withField({ goal: 'fuzz', steps: [step('a', capability)] }, 'metadata', '{"__proto__":"a","constructor":"b"}'),
  }),
  'numbers beyond a double': (random, { capability }) => ({
    body: withField(
      { goal: 'fuzz', steps: [step('a', capability)] },
      'input',
      random.pick(['1e999', '-1e999', '1e-999', '-0', '123456789012345678901234567890']),
    ),
  }),
  'the same field twice': (_random, { capability }) => ({
    body: withField({ goal: 'fuzz', steps: [step('a', capability)] }, 'goal', '"again"'),
  }),
  'input at the limit': (random, { capability }) => ({
    body: withField(
      { goal: 'fuzz', steps: [step('a', capability)] },
      'input',
      textOfBytes(REQUEST_LIMITS.inputBytes - random.integer(0, 2)),
    ),
  }),
  'input as deep as allowed': (random, { capability }) => ({
    body: withField({ goal: 'fuzz', steps: [step('a', capability)] }, 'input', nested(random.integer(50, 63))),
  }),
  'words that mislead a recogniser': (random) => ({
    body: asking(undefined, {
      goal: Array.from({ length: random.integer(1, 150) }, () => random.pick(WORDS))
        .join('')
        .slice(0, 7_900),
    }),
  }),
  'headers of nonsense': (random, { capability }) => ({
    body: asking([step('a', capability)]),
    headers: {
      traceparent: random.pick(['00', 'ff-0-0-0', 'x'.repeat(5_000), '00-' + '0'.repeat(32) + '-' + '0'.repeat(16) + '-01']),
      'ce-id': '',
      'ce-specversion': '9',
      tracestate: 'é',
    },
  }),
};

const controls = (random: Seeded): string =>
  Array.from({ length: random.integer(1, 200) }, () => String.fromCharCode(random.integer(0, 0x9f))).join('');

/** Wrong ones; every seventh is only odd, and a large one is seldom. */
export const hostileRequest = (random: Seeded, target: Target): HostileMessage => {
  const allowed = random.next() < 0.15;
  const makers = allowed ? ALLOWED : REFUSED;
  let kind = random.pick(Object.keys(makers));
  if (LARGE.has(kind) && random.next() < 0.8) kind = random.pick(Object.keys(makers));
  const { body, subject = requestSubject(random), headers, fate = allowed ? 'any' : 'refused' } = (makers[kind] as Make)(random, target);
  return { kind, via: 'stream', subject, body, fate, ...(headers ? { headers } : {}) };
};

const LARGE = new Set(['as many steps as fit', 'input above the limit', 'input at the limit']);
