import { describe, expect, it } from '@jest/globals';
import { encode128, isUlid, ulid } from './ids.js';

describe('ulid', () => {
  it('writes the specification’s example time', () => {
    expect(ulid(1469918176385, new Uint8Array(10)).slice(0, 10)).toBe('01ARYZ6S41');
  });
  it('covers the whole range', () => {
    expect(encode128(new Uint8Array(16).fill(255))).toBe('7ZZZZZZZZZZZZZZZZZZZZZZZZZ');
    expect(encode128(new Uint8Array(16))).toBe('0'.repeat(26));
  });
  it('is recognised, in upper case only', () => {
    const id = ulid(1_700_000_000_000, Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    expect(isUlid(id)).toBe(true);
    expect(isUlid(id.toLowerCase())).toBe(false);
    expect(isUlid(`8${id.slice(1)}`)).toBe(false);
  });
  it('sorts by time', () => {
    const random = new Uint8Array(10).fill(200);
    expect(ulid(1000, random) < ulid(1001, new Uint8Array(10))).toBe(true);
  });
});
