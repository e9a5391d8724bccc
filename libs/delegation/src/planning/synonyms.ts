/**
 * Words that stood in the goals of steps which a requester or a planner gave to a capability, and which served: they describe it as well as
 * its own words (document expansion). Words are kept as hashes of their stems.
 */
import { hashText } from '@mandate/recognition';
import { isWork, stepsOf, type Delegation } from '../model.js';
import { terms } from './stemming.js';

/** By hash of a word: how many delegations gave it to which capability. */
export type Synonyms = ReadonlyMap<number, ReadonlyMap<string, number>>;
export type SynonymCounts = Map<number, Map<string, number>>;

/** One use is a coincidence. */
const ENOUGH = 2;
const MOST_WORDS = 4_096;

/** Takes note, in place, of the steps that succeeded under goals of their own. */
export const learnSynonyms = (counts: SynonymCounts, state: Delegation): void => {
  if (state.status === 'absent' || state.status === 'rejected') return;
  const words = new Map<string, Set<string>>();
  for (const { plan, phase } of stepsOf(state).filter(isWork)) {
    if (phase.status !== 'succeeded' || plan.goal === undefined || plan.goal === state.goal) continue;
    const of = words.get(plan.capability) ?? new Set<string>();
    words.set(plan.capability, of);
    for (const term of terms(plan.goal)) of.add(term);
  }
  for (const [capability, used] of words) for (const term of used) count(counts, hashText(term), capability);
};

const count = (counts: SynonymCounts, word: number, capability: string): void => {
  const known = counts.get(word);
  if (!known && counts.size >= MOST_WORDS) return;
  const uses = known ?? new Map<string, number>();
  counts.set(word, uses);
  uses.set(capability, (uses.get(capability) ?? 0) + 1);
};

/** How often the word would stand in the capability's description, had it been written from its uses: 0 to 1. */
export const learntFrequency = (synonyms: Synonyms, term: string, capability: string): number => {
  const uses = synonyms.get(hashText(term));
  const own = uses?.get(capability) ?? 0;
  if (!uses || own < ENOUGH) return 0;
  let all = 1;
  for (const used of uses.values()) all += used;
  return own / all;
};
