import { describe, expect, it } from '@jest/globals';
import { explain, recogniser } from '@mandate/recognition';
import { shippedModel } from './index.js';

describe('explain', () => {
  const text = 'Search the archive for tidal power, extract the key facts, and then write a short report';

  it('tells clauses, rule, features and trust of the very answer', () => {
    const explained = explain(shippedModel(), { text });
    const { pattern, confidence, model } = recogniser(shippedModel())({ text });
    expect(explained).toMatchObject({ pattern, confidence, model });
    expect(explained.clauses.map(({ link }) => link)).toEqual(['first', 'unsaid', 'sequence']);
    expect(explained.rule).toMatchObject({ name: 'three one none then', because: 'parts of one sentence follow each other' });
    expect(explained.learned.features.length).toBeGreaterThan(0);
    for (const { towards } of explained.learned.features) expect(towards).toBeGreaterThan(0);
    expect(explained.trust.share).toBeGreaterThanOrEqual(0);
    expect(explained.trust.share).toBeLessThanOrEqual(1);
  });

  it('is a pure function', () => {
    expect(explain(shippedModel(), { text })).toEqual(explain(shippedModel(), { text }));
  });
});
