import { expect, it } from '@jest/globals';
import { Crashed, CrashPoints } from './crash-points.js';

it('crashes once, where and when it was ordered', async () => {
  const points = new CrashPoints();
  const crashed = points.at('after-append', 1);
  points.reached('before-append');
  points.reached('after-append');
  expect(() => points.reached('after-append')).toThrow(Crashed);
  await crashed;
  points.reached('after-append');
  expect(points.count('after-append')).toBe(3);
});
