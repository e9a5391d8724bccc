import { describe, expect, it } from '@jest/globals';
import { DEFAULT_COSTS, DEFAULT_FALLBACK_THRESHOLD, fallbackThreshold, shouldFallBack } from './fallback.js';

describe('fallbackThreshold', () => {
  it('follows from costs and stays a probability', () => {
    expect(fallbackThreshold(DEFAULT_COSTS.wrong, DEFAULT_COSTS.fallback)).toBe(DEFAULT_FALLBACK_THRESHOLD);
    expect(fallbackThreshold(10, 1)).toBeCloseTo(0.9);
    expect(fallbackThreshold(1, 5)).toBe(0);
    expect(shouldFallBack({ confidence: 0.6 }, 0.7)).toBe(true);
    expect(shouldFallBack({ confidence: 0.7 }, 0.7)).toBe(false);
  });

  it('asks for no more certainty than a wrong pattern is worth', () => {
    for (const [wrong, fallback] of [
      [2, 1],
      [3, 1],
      [20, 3],
    ] as const) {
      const threshold = fallbackThreshold(wrong, fallback);
      expect((1 - threshold) * wrong).toBeCloseTo(fallback);
    }
  });
});
