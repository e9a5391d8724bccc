import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { JsonObject, JsonValue } from '@mandate/kernel';
import { canonicalJson } from './canonical-json.js';
import { writeEnvelope } from './envelope.js';
import { entryFor, newStream } from './testing/entries.js';

const fixtures = new URL('../fixtures/rfc8785/', import.meta.url);

describe('canonicalJson', () => {
  it.each(readdirSync(new URL('input/', fixtures)))('writes %s as RFC 8785 says', (name) => {
    const input = JSON.parse(readFileSync(new URL(`input/${name}`, fixtures), 'utf8')) as JsonValue;
    expect(canonicalJson(input)).toBe(readFileSync(new URL(`output/${name}`, fixtures), 'utf8').trimEnd());
  });
  it('is canonical also where a text has a lone surrogate, and refuses what JSON cannot say', () => {
    expect(canonicalJson({ 'a\udfff': ['\ud800', '\ud83d\ude00'] })).toBe('{"a\ufffd":["\ufffd","😀"]}');
    expect(() => canonicalJson(Number.NaN)).toThrow(TypeError);
  });
});

it('writes the envelope in canonical form', () => {
  const entry = { ...entryFor(newStream(), 0, 1, { z: 1, a: { c: [1, 'ü'], b: null } }), causationId: 'c', traceparent: '00-a-b-01' };
  const [event] = entry.events;
  const bytes = writeEnvelope(
    entry,
    { ...(event as NonNullable<typeof event>), reason: 'because', outcome: 'denied' },
    {
      id: 'E',
      version: 1,
      where: canonicalJson({ service: 's', instance: 'i' }),
      personal: { kid: 'k', place: 'stream', fields: ['goal'], sealed: 'AAAA' },
    },
  );
  expect(bytes.toString()).toBe(canonicalJson(JSON.parse(bytes.toString()) as JsonObject));
});
