/** Extractive summary: sentences whose words the text uses most (Luhn, 1958), each next one as little like those before as can be (MMR, Carbonell and Goldstein, 1998). */
import { countsOf } from './bm25.js';
import { sentences, terms } from './words.js';

const NOVELTY = 0.5;
const SHORTEST = 5;

interface Candidate {
  index: number;
  text: string;
  terms: Set<string>;
  score: number;
}

/** At most `limit` sentences, in the order of the text; those that name the topic count for more. */
export const summarise = (text: string, limit: number, topic = ''): string[] => {
  const counts = countsOf(terms(text));
  const wanted = new Set(terms(topic));
  const candidates = sentences(text).map((sentence, index) => scored(sentence, index, counts, wanted));
  const chosen: Candidate[] = [];
  let left = candidates.filter(({ terms: own }) => own.size >= SHORTEST);
  if (left.length === 0) left = candidates;
  while (chosen.length < limit && left.length > 0) {
    const best = left.reduce((a, b) => (novel(b, chosen) > novel(a, chosen) ? b : a));
    chosen.push(best);
    left = left.filter((candidate) => candidate !== best);
  }
  return chosen.sort((a, b) => a.index - b.index).map(({ text: sentence }) => sentence);
};

const ABOUT_TOPIC = 0.6;

const scored = (text: string, index: number, counts: Map<string, number>, wanted: ReadonlySet<string>): Candidate => {
  const own = new Set(terms(text));
  const weight = [...own].reduce((sum, term) => sum + Math.log(1 + (counts.get(term) ?? 0)), 0);
  const named = [...wanted].filter((term) => own.has(term)).length;
  // Long sentences gather words, and the first ones say what a text is about.
  return { index, text, terms: own, score: weight / Math.sqrt(own.size + 4) + (index === 0 ? 0.5 : 0) + named * ABOUT_TOPIC };
};

const novel = (candidate: Candidate, chosen: readonly Candidate[]): number =>
  candidate.score * (1 - NOVELTY * Math.max(0, ...chosen.map(({ terms: other }) => overlap(candidate.terms, other))));

/** Jaccard similarity of two sets of terms. */
export const overlap = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
  let shared = 0;
  for (const term of a) if (b.has(term)) shared++;
  return shared === 0 ? 0 : shared / (a.size + b.size - shared);
};
