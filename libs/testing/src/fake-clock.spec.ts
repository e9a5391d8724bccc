import { expect, it } from '@jest/globals';
import { FakeClock } from './fake-clock.js';

it('stands still until it is told to move', () => {
  const clock = new FakeClock('2026-03-01T00:00:00.000Z');
  const start = clock.now();
  expect(clock.now()).toBe(start);
  expect(clock.advance(1_500).now()).toBe(start + 1_500);
});

it('goes back only when that is meant', () => {
  const clock = new FakeClock(1_000);
  expect(() => clock.advance(-1)).toThrow('a clock does not go back');
  expect(clock.set(500).now()).toBe(500);
  expect(() => clock.set('soon')).toThrow('not a time: soon');
});
