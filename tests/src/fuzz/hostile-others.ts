/** Results, commands, registrations and heartbeats that are wrong, and subjects that fit nothing. */
import { OUTPUT_LIMIT_BYTES } from '@mandate/contracts';
import type { Seeded } from '@mandate/testing';
import { anyValue, brokenJson } from './broken-json.js';
import { PREFIX, seededId, textOfBytes, withField, type HostileMessage, type Target, type Victim } from './hostile-message.js';

type Make<T> = (random: Seeded, target: Target) => T;
interface Sent {
  subject: string;
  body: string | Uint8Array;
}

const done = (leaseId: string, more: object = {}): string => JSON.stringify({ leaseId, status: 'completed', output: 'forged', ...more });
const resultOf = ({ id, stepId, attempt }: Victim, body: string): Sent => ({
  subject: `${PREFIX}.result.${id}.${stepId}.${attempt}`,
  body,
});

const RESULTS: Readonly<Record<string, Make<Sent>>> = {
  'a forged lease': (random, { victims }) => resultOf(random.pick(victims), done(seededId(random))),
  'the lease of another step': (random, { victims }) => {
    const [one, other] = random.shuffle(victims) as [Victim, Victim];
    return resultOf(one, done(other.leaseId));
  },
  'another attempt': (random, { victims }) => {
    const victim = random.pick(victims);
    return resultOf({ ...victim, attempt: victim.attempt + random.integer(1, 900_000) }, done(victim.leaseId));
  },
  'a step that is not there': (random, { victims }) => {
    const victim = random.pick(victims);
    return resultOf(
      { ...victim, stepId: random.pick(['nobody', '__proto__', 'constructor', 'toString', 'x'.repeat(64)]) },
      done(victim.leaseId),
    );
  },
  'an unknown delegation': (random) => resultOf({ id: seededId(random), stepId: 'a', attempt: 1, leaseId: '' }, done(seededId(random))),
  'a lease that is no id': (random, { victims }) =>
    resultOf(random.pick(victims), withField({ status: 'completed', output: 1 }, 'leaseId', anyValue(random))),
  'output above the limit': (random, { victims }) => {
    const victim = random.pick(victims);
    return resultOf(
      victim,
      withField({ leaseId: victim.leaseId, status: 'completed' }, 'output', textOfBytes(OUTPUT_LIMIT_BYTES + random.integer(1, 1_000))),
    );
  },
  'output at the limit, forged lease': (random, { victims }) =>
    resultOf(
      random.pick(victims),
      withField({ leaseId: seededId(random), status: 'completed' }, 'output', textOfBytes(OUTPUT_LIMIT_BYTES)),
    ),
  'the real lease, a wrong status': (random, { victims }) => {
    const victim = random.pick(victims);
    return resultOf(victim, withField({ leaseId: victim.leaseId }, 'status', anyValue(random)));
  },
  'the real lease, no error told': (random, { victims }) => {
    const victim = random.pick(victims);
    return resultOf(victim, JSON.stringify({ leaseId: victim.leaseId, status: random.pick(['failed', 'input_required']) }));
  },
  'the real lease, broken': (random, { victims, maxPayload }) => {
    const victim = random.pick(victims);
    const { body } = brokenJson(random, { leaseId: victim.leaseId, status: 'completed', polluted: 1 }, maxPayload);
    return { ...resultOf(victim, ''), body };
  },
};

const COMMANDS: Readonly<Record<string, Make<Record<string, unknown> | string>>> = {
  'an unknown type': (random) => ({
    commandId: seededId(random),
    type: random.pick(['explode', 'CANCEL', '', null, 7, ['cancel'], '__proto__']),
  }),
  'no command id': (random) => withField({ type: 'cancel' }, 'commandId', anyValue(random)),
  'an answer nobody asked for': (random) => ({ commandId: seededId(random), type: 'answer', stepId: 'held', questionId: 'q', answer: 1 }),
  'an answer to nothing': (random) => ({ commandId: seededId(random), type: 'answer' }),
  'an approval nobody asked for': (random) => ({ commandId: seededId(random), type: random.pick(['approve', 'deny']), stepId: 'held' }),
  'feedback that says nothing': (random) => ({
    commandId: seededId(random),
    type: 'feedback',
    ...random.pick<Record<string, unknown>>([{}, { pattern: 'auto' }, { pattern: ['meta'] }, { pattern: '__proto__' }]),
  }),
  'a digest': (random) => ({ commandId: seededId(random), type: 'cancel', digest: 'x' }),
  'a reason above the limit': (random) => ({ commandId: seededId(random), type: 'cancel', reason: 'r'.repeat(2_001) }),
  'another field': (random) =>
    withField({ commandId: seededId(random), type: 'cancel' }, random.pick(['force', '__proto__', 'constructor']), anyValue(random)),
};

const SUBJECTS: Readonly<Record<string, Make<string>>> = {
  'too few tokens': (random) => `${PREFIX}.${random.pick(['request', 'result', 'command'])}.${seededId(random)}`,
  'no principal, but a request': (random) => `${PREFIX}.result.${seededId(random)}.step`,
  'too many tokens': (random) =>
    `${PREFIX}.${random.pick(['request', 'result', 'command'])}.${seededId(random)}.a.1.b${'.c'.repeat(random.integer(0, 50))}`,
  'an id in lower case': (random) => `${PREFIX}.request.${seededId(random).toLowerCase()}.fuzz`,
  'an id that is none': (random) =>
    `${PREFIX}.request.${random.pick(['__proto__', 'x', '0'.repeat(300), 'é😀', "';--"])}-${random.integer(0, 1e9)}.fuzz`,
  'a tenant that is none': (random) =>
    `mandate.v1.${random.pick(['Default', 'a_b', 'é', 'x'.repeat(61), '$SYS'])}.request.${seededId(random)}.fuzz`,
  'a principal that is none': (random) =>
    `${PREFIX}.request.${seededId(random)}.${random.pick(['a~b', 'x'.repeat(65), 'é', '$', '\u0007', '\u0000'])}`,
  'an attempt that is none': (random) =>
    `${PREFIX}.result.${seededId(random)}.a.${random.pick(['0', '-1', '01', '1e3', 'x', '9999999', '0x1'])}`,
};

const REGISTRATIONS: Readonly<Record<string, (random: Seeded, good: Record<string, unknown>) => string>> = {
  'a field of the wrong type': (random, good) => {
    const name = random.pick(Object.keys(good));
    const { [name]: _removed, ...rest } = good;
    return withField(
      rest,
      name,
      random.pick(
        ['null', '7', '{}', '[]', '[null]', '[1]', '""', '"\\u0000"', '"a.b"', '"*"', '">"'].slice(0, name === 'version' ? 7 : 11),
      ),
    );
  },
  'a capability twice': (_random, good) =>
    JSON.stringify({ ...good, capabilities: [1, 2].map(() => ({ name: 'twice', description: 'd' })) }),
  'too many capabilities': (_random, good) =>
    JSON.stringify({ ...good, capabilities: Array.from({ length: 257 }, (_, i) => ({ name: `c${i}`, description: 'd' })) }),
  'a capability that is none': (random, good) =>
    JSON.stringify({
      ...good,
      capabilities: [{ name: random.pick(['A', 'a.b', '*', '>', '__proto__', 'x'.repeat(61), '']), description: 'd' }],
    }),
  'concurrency out of bounds': (random, good) =>
    JSON.stringify({ ...good, capabilities: [{ name: 'c', description: 'd', concurrency: random.pick([0, -1, 1e9, 1.5, '1', null]) }] }),
};

const BEATS: Readonly<Record<string, Make<Sent>>> = {
  'leases that nobody has': (random, { instance }) => ({
    subject: `${PREFIX}.heartbeat.${instance}`,
    body: JSON.stringify({ instance, leases: Array.from({ length: random.integer(1, 50) }, () => seededId(random)) }),
  }),
  "another worker's leases": (random, { victims }) => {
    const instance = `thief-${random.integer(0, 1e9)}`;
    return {
      subject: `${PREFIX}.heartbeat.${instance}`,
      body: JSON.stringify({ instance, leases: victims.map(({ leaseId }) => leaseId) }),
    };
  },
  'a broken heartbeat': (random, { instance, maxPayload }) => ({
    subject: `${PREFIX}.heartbeat.${instance}`,
    body: brokenJson(random, { instance, leases: [], more: 1 }, maxPayload).body,
  }),
  'a hundred thousand leases': (_random, { instance }) => ({
    subject: `${PREFIX}.heartbeat.${instance}`,
    body: `{"instance":"${instance}","leases":[${'0,'.repeat(100_000)}0]}`,
  }),
};

export const hostileResult = (random: Seeded, target: Target): HostileMessage => {
  const kind = random.pick(Object.keys(RESULTS));
  return { kind: `result: ${kind}`, via: 'stream', ...(RESULTS[kind] as Make<Sent>)(random, target), fate: 'refused' };
};

export const hostileCommand = (random: Seeded, target: Target): HostileMessage => {
  const kind = random.pick(Object.keys(COMMANDS));
  const body = (COMMANDS[kind] as Make<Record<string, unknown> | string>)(random, target);
  const subject = `${PREFIX}.command.${random.pick(target.victims).id}.fuzz`;
  return {
    kind: `command: ${kind}`,
    via: 'stream',
    subject,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    fate: 'refused',
  };
};

/** To a delegation that nobody asked for; the command itself is right. */
export const strayCommand = (random: Seeded): HostileMessage => ({
  kind: 'command: an unknown delegation',
  via: 'stream',
  subject: `${PREFIX}.command.${seededId(random)}.fuzz`,
  body: JSON.stringify({ commandId: seededId(random), type: random.pick(['cancel', 'approve', 'deny']) }),
  fate: 'refused',
});

export const hostileSubject = (random: Seeded, target: Target): HostileMessage => {
  const kind = random.pick(Object.keys(SUBJECTS));
  const body = JSON.stringify({ goal: 'fuzz', steps: [{ id: 'a', capability: target.capability }] });
  return { kind: `subject: ${kind}`, via: 'stream', subject: (SUBJECTS[kind] as Make<string>)(random, target), body, fate: 'refused' };
};

export const hostileRegistration = (random: Seeded, target: Target): HostileMessage => {
  const good = {
    name: 'fuzz',
    version: '1',
    instance: `fuzz-${random.integer(0, 1e9)}`,
    capabilities: [{ name: 'fuzzed', description: 'd' }],
  };
  const subject = `${PREFIX}.register`;
  if (random.next() < 0.4) {
    const { kind, body } = brokenJson(random, { ...good, polluted: 1 }, target.maxPayload);
    return { kind: `registration: ${kind}`, via: 'register', subject, body, fate: 'refused' };
  }
  if (random.next() < 0.1)
    return {
      kind: 'registration: a tenant that is none',
      via: 'register',
      subject: 'mandate.v1.Default.register',
      body: JSON.stringify(good),
      fate: 'refused',
    };
  const kind = random.pick(Object.keys(REGISTRATIONS));
  const make = REGISTRATIONS[kind] as (typeof REGISTRATIONS)[string];
  return { kind: `registration: ${kind}`, via: 'register', subject, body: make(random, good), fate: 'refused' };
};

export const hostileHeartbeat = (random: Seeded, target: Target): HostileMessage => {
  const kind = random.pick(Object.keys(BEATS));
  return { kind: `heartbeat: ${kind}`, via: 'heartbeat', ...(BEATS[kind] as Make<Sent>)(random, target), fate: 'refused' };
};
