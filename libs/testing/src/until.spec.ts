import { expect, it } from '@jest/globals';
import { until } from './until.js';

it('resolves to what the condition gives, once it gives something', async () => {
  let asked = 0;
  await expect(until(() => ++asked === 3 && 'there', { what: 'the third question', everyMs: 1 })).resolves.toBe('there');
  expect(asked).toBe(3);
});

it('takes whatever is truthy, also what has no JSON form', async () => {
  const ring: { self?: unknown } = {};
  ring.self = ring;
  expect(await until(() => ring, { what: 'a ring', timeoutMs: 0 })).toBe(ring);
});

it('takes a condition that throws for one that has not come true yet', async () => {
  let asked = 0;
  const condition = async (): Promise<number> => {
    if (++asked < 3) throw new Error('not yet');
    return asked;
  };
  await expect(until(condition, { what: 'the third question', everyMs: 1 })).resolves.toBe(3);
});

it('says what was waited for, and what was seen last', async () => {
  const waiting = until(() => 0, { what: 'a unicorn', timeoutMs: 5, everyMs: 1 });
  await expect(waiting).rejects.toThrow('waited 5 ms for a unicorn; the condition last gave 0');
  const throwing = until(() => Promise.reject(new Error('no such table')), { what: 'a row', timeoutMs: 5, everyMs: 1 });
  await expect(throwing).rejects.toThrow('waited 5 ms for a row; the condition last threw no such table');
});
