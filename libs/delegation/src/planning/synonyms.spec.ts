import { describe, expect, it } from '@jest/globals';
import { activeAfter, dispatch, done, request } from '../../spec/scenes.js';
import { matcher } from './matching.js';
import { plan } from './plan.js';
import { learnSynonyms, learntFrequency, type SynonymCounts } from './synonyms.js';

const AGENTS = [
  { capability: 'search', description: 'Finds documents in an archive' },
  { capability: 'write', description: 'Writes a report' },
  { capability: 'pay', description: 'Pays an invoice' },
];
const state = (goal: string) =>
  activeAfter(
    request({
      goal: 'Something to do',
      steps: [
        { id: 'a', capability: 'write', goal },
        { id: 'b', capability: 'pay', goal: 'settle the bill', dependsOn: ['a'] },
        { id: 'c', capability: 'search', dependsOn: ['b'] },
      ],
    }),
    dispatch('a'),
    done('a'),
  );

describe('words that uses teach', () => {
  it('count from the second use on, for steps that succeeded under a goal of their own', () => {
    const counts: SynonymCounts = new Map();
    learnSynonyms(counts, state('Compose a memo'));
    expect(matcher(AGENTS, counts)('compose it')[0]).toMatchObject({ score: 0 });
    learnSynonyms(counts, state('Compose a limerick'));
    expect(matcher(AGENTS, counts)('compose it')[0]).toMatchObject({ capability: 'write', learnt: true });
    expect(matcher(AGENTS, counts)('settle it')[0]).toMatchObject({ score: 0 });
    expect(counts.size).toBe(3);
    expect(learntFrequency(counts, 'compos', 'write')).toBeCloseTo(2 / 3);
    expect(learntFrequency(counts, 'compos', 'pay')).toBe(0);
  });

  it('say less than what a worker wrote, and less the more capabilities they were used for', () => {
    const counts: SynonymCounts = new Map();
    for (let i = 0; i < 3; i++) learnSynonyms(counts, state('Compose an invoice'));
    expect(matcher(AGENTS, counts)('invoice')[0]).toMatchObject({ capability: 'pay', learnt: false });
  });

  it('make a plan possible that was none', () => {
    const counts: SynonymCounts = new Map();
    const goal = 'Search the archive and then compose a poem';
    for (let i = 0; i < 2; i++) learnSynonyms(counts, state('Compose a memo'));
    expect(plan({ goal, pattern: 'sequential', agents: AGENTS })).toHaveProperty('unplannable');
    const planned = plan({ goal, pattern: 'sequential', agents: AGENTS, synonyms: counts });
    expect(planned).toMatchObject({ steps: [{ capability: 'search' }, { capability: 'write' }] });
    expect('reasons' in planned && planned.reasons.at(-1)).toBe('s2 goes to "write", by words that were used for it before');
  });
});
