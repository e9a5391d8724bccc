import type { Clock } from '@mandate/kernel';

/** A clock that stands still until it is told to move. */
export class FakeClock implements Clock {
  private timeMs: number;

  /** `start`: RFC 3339 or milliseconds since the epoch. */
  constructor(start: string | number = '2026-01-01T12:00:00.000Z') {
    this.timeMs = FakeClock.read(start);
  }

  now(): number {
    return this.timeMs;
  }

  advance(byMs: number): this {
    if (!(byMs >= 0)) throw new Error(`a clock does not go back by ${byMs} ms; use set() to test that`);
    this.timeMs += byMs;
    return this;
  }

  /** Any time, also an earlier one: machines' clocks do jump. */
  set(time: string | number): this {
    this.timeMs = FakeClock.read(time);
    return this;
  }

  private static read(time: string | number): number {
    const timeMs = typeof time === 'number' ? time : Date.parse(time);
    if (!Number.isFinite(timeMs)) throw new Error(`not a time: ${time}`);
    return timeMs;
  }
}
