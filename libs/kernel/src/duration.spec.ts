import { describe, expect, it } from '@jest/globals';
import { formatDuration, parseDuration } from './duration.js';

describe('parseDuration', () => {
  it.each([
    ['PT30S', 30_000],
    ['PT0.25S', 250],
    ['P1D', 86_400_000],
    ['P1W', 604_800_000],
    ['P1DT2H3M4.005S', 93_784_005],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
    expect(parseDuration(formatDuration(ms))).toBe(ms);
  });
  it.each(['', 'P', 'PT', 'P1M', 'P1Y', '30s', 'PT1.5H', '-PT1S', 'P1D '])('refuses %p', (text) => expect(parseDuration(text)).toBeNull());
});
