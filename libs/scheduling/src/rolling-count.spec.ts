import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RollingCount } from './rolling-count.js';

const SECOND = 1_000;

describe('a rolling count', () => {
  it('forgets what lies behind the window, slot by slot', () => {
    const count = new RollingCount(3, SECOND);
    for (const at of [0, 100, 1_500, 2_999]) count.add(at);
    expect([2_999, 3_000, 4_000, 5_000].map((now) => count.total(now))).toEqual([4, 2, 1, 0]);
  });

  it('says when little enough is left', () => {
    const count = new RollingCount(3, SECOND);
    for (const at of [0, 100, 1_500]) count.add(at);
    expect([3, 2, 1, 0].map((max) => count.atMost(max, 1_500))).toEqual([1_500, 3_000, 3_000, 4_000]);
  });

  it('keeps what it has while the clock goes back', () => {
    const count = new RollingCount(3, SECOND);
    count.add(10_000);
    count.add(9_000);
    expect(count.total(9_000)).toBe(2);
    expect(count.total(13_000)).toBe(0);
  });

  it('counts no less than a window that is a slot shorter, and no more than the whole', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2_000), { maxLength: 200 }), fc.nat(5_000), (gaps, after) => {
        const count = new RollingCount(5, SECOND);
        let now = 1_000_000;
        const times = gaps.map((gap) => {
          now += gap;
          count.add(now);
          return now;
        });
        now += after;
        const within = (ms: number): number => times.filter((at) => at > now - ms).length;
        const total = count.total(now);
        expect(total).toBeGreaterThanOrEqual(within(4 * SECOND));
        expect(total).toBeLessThanOrEqual(within(5 * SECOND));
      }),
    );
  });
});
