import { describe, expect, it } from '@jest/globals';
import { jsonDepth } from './json.js';

describe('jsonDepth', () => {
  it('counts objects and arrays, not what stands in strings', () => {
    expect(jsonDepth('1')).toBe(0);
    expect(jsonDepth('{"a":[1,{"b":"[[[[\\"[["}]}')).toBe(3);
    expect(jsonDepth('['.repeat(100_000))).toBe(100_000);
  });
});
