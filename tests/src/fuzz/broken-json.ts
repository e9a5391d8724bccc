/** Bodies that are wrong whatever they are sent to. */
import type { Seeded } from '@mandate/testing';
import { nested, textOfBytes, withField } from './hostile-message.js';

export interface Body {
  kind: string;
  body: string | Uint8Array;
}

type Make = (random: Seeded, good: object, maxBytes: number) => string | Uint8Array;

const SCALARS = ['null', 'true', '0', '-1', '1e999', '""', '"text"', '[]', '[[]]', '[null]', '{}', '{"a":{"b":1}}'];
const NOT_JSON = ['', ' ', '{', '}', 'undefined', 'NaN', "{'goal':'x'}", '{"goal":"x",}', '{"goal":"x"}{}', '<goal/>'];

const KINDS: Readonly<Record<string, Make>> = {
  'random bytes': (random) => random.bytes(random.integer(1, 400)),
  'invalid UTF-8': (random, good) =>
    Buffer.concat([Buffer.from(JSON.stringify(good).slice(0, -2)), Buffer.from([0xc3, 0x28, 0xff]), random.bytes(3)]),
  'not JSON': (random) => random.pick(NOT_JSON),
  'cut JSON': (random, good) => JSON.stringify(good).slice(0, random.integer(1, JSON.stringify(good).length - 1)),
  'JSON, not an object': (random) => random.pick(SCALARS.filter((text) => !text.startsWith('{'))),
  'empty object': () => '{}',
  'raw control characters': (random, good) => withField(good, 'metadata', `{"a":"${String.fromCharCode(random.integer(0, 31))}"}`),
  'unknown field': (random, good) => withField(good, `x${random.integer(0, 1e9)}`, random.pick(SCALARS)),
  '__proto__ at the top': (_random, good) => withField(good, '__proto__', '{"goal":"polluted","polluted":true}'),
  'constructor at the top': (_random, good) => withField(good, 'constructor', '{"prototype":{"polluted":true}}'),
  'field name of 10,000 characters': (_random, good) => withField(good, 'k'.repeat(10_000), '1'),
  '65 levels': (_random, good) => withField(good, 'input', nested(65)),
  '100,000 levels': () => nested(100_000),
  'open brackets only': (random) => '[{"a":'.repeat(random.integer(1_000, 20_000)),
  'as large as NATS takes, not JSON': (_random, _good, maxBytes) => Buffer.alloc(maxBytes, 0x7b),
  'as large as NATS takes, one string': (_random, good, maxBytes) =>
    withField(good, 'bulk', textOfBytes(maxBytes - JSON.stringify(good).length - 9)),
  'as large as NATS takes, 200,000 fields': (_random, _good, maxBytes) => {
    const fields = Array.from({ length: 200_000 }, (_, i) => `"${i.toString(36)}":0`).join(',');
    return `{${fields}}`.slice(0, maxBytes);
  },
};

const LARGE = /^as large|^open brackets|^100,000/;

/** One of them; the large ones seldom, or nothing else would fit through the wire. */
export const brokenJson = (random: Seeded, good: object, maxBytes: number): Body => {
  const large = random.next() < 0.08;
  const kind = random.pick(Object.keys(KINDS).filter((name) => LARGE.test(name) === large));
  return { kind, body: (KINDS[kind] as Make)(random, good, maxBytes) };
};

/** Any value in the place of a field. */
export const anyValue = (random: Seeded): string =>
  random.pick([
    ...SCALARS,
    '1.5',
    '99999999999999999999',
    '"\\u0000"',
    '"\\ud800"',
    '"; DROP TABLE es.event; --"',
    '"../../etc/passwd"',
    '"${7*7}"',
  ]);
