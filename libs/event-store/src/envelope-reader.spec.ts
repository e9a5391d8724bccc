import { describe, expect, it } from '@jest/globals';
import type { JsonObject } from '@mandate/kernel';
import { EnvelopeReader } from './envelope-reader.js';
import { writeEnvelope, type Envelope, type PersonalBlob } from './envelope.js';
import { AT, entryFor } from './testing/entries.js';
import type { AppendEntry, NewEvent } from './types.js';

const stream = { type: 'delegation', id: 'd-1' };
const where = '{"instance":"i","service":"s"}';
const HOSTILE = {
  a: 1,
  data: { b: 2, envelope: 1, id: 'x', outcome: 'no', version: 9 },
  text: ',"data":{},"envelope":1,"id":"x","outcome":"y","version":7',
};

const written = (event: Partial<NewEvent>, entry: Partial<AppendEntry> = {}, version = 1, personal?: PersonalBlob): string => {
  const whole = { ...entryFor(stream, version - 1), ...entry };
  return writeEnvelope(
    whole,
    { ...(whole.events[0] as NewEvent), ...event },
    { id: `id-${version}`, version, where, ...(personal ? { personal } : {}) },
  );
};

const read = (reader: EnvelopeReader, text: string): object => {
  const { head, own, tail, version } = reader.read(text);
  return { ...head, ...own, ...tail, version };
};

const parsed = (text: string): object => {
  const { where: _, ...rest } = JSON.parse(text) as Envelope;
  return rest;
};

describe('an envelope reader', () => {
  const personal: PersonalBlob = { kid: 'k', place: 'stream', fields: ['a'], sealed: 'c2VhbGVk' };
  const events: [string, string][] = [
    ['plain', written({})],
    ['the next version', written({}, {}, 2)],
    ['data with the marks in it', written({ data: HOSTILE as unknown as JsonObject })],
    [
      'texts with the marks in them',
      written({ reason: HOSTILE.text, occurredAt: AT }, { correlationId: HOSTILE.text, causationId: HOSTILE.text }),
    ],
    ['personal data', written({}, { traceparent: '00-a-b-01' }, 3, personal)],
    ['another actor', written({ actor: { kind: 'worker', id: 'w', onBehalfOf: ['a'], auth: { method: 'jwt', session: HOSTILE.text } } })],
    ['an actor with data of its own', written({ actor: { kind: 'worker', id: 'w', cost: 1, data: {} } as never })],
    ['characters beyond ASCII', written({ data: { text: 'žluťoučký \u2028 🐎' } })],
    ['plain again', written({}, {}, 12_345)],
  ];
  const reader = new EnvelopeReader();

  it.each(events)('reads %s as a parser of the whole does', (_, text) => {
    expect(read(reader, text)).toMatchObject(parsed(text));
    expect(read(new EnvelopeReader(), text)).toMatchObject(parsed(text));
  });

  it('reads what was written otherwise', () => {
    expect(read(reader, '{"data":{},"id":"slow","schemaVersion":1,"type":"t","version":4}')).toMatchObject({
      id: 'slow',
      type: 't',
      version: 4,
    });
  });

  it('shares what neighbours have in common', () => {
    const [first, second] = [reader.read(written({}, {}, 1)), reader.read(written({}, {}, 2))];
    expect(second.tail).toBe(first.tail);
    expect(second.own).not.toEqual(first.own);
  });
});
