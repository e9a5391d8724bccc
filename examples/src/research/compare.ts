import type { Task } from '@mandate/sdk';
import type { Passage } from '../corpus.js';
import { materialOf, passagesIn } from '../material.js';
import { countsOf } from '../text/bm25.js';
import { overlap } from '../text/summary.js';
import { paragraphs, terms, words, stem } from '../text/words.js';

const ALIKE = 0.1;
const SHOWN = 5;

interface Agreement {
  similarity: number;
  one: Passage;
  other: Passage;
}

export interface Comparison {
  sources: number;
  agreements: Agreement[];
  /** The words that set each source apart. */
  distinctive: Record<string, string[]>;
  /** Everything that was compared, for the steps that write about it. */
  findings: Passage[];
  source: string;
}

export const compare = (task: Task): Comparison => {
  const { text, source } = materialOf(task);
  const found = passagesIn([task.input, task.results]);
  const findings =
    found.length > 0
      ? found
      : paragraphs(text).map((passage, index) => ({ title: `paragraph ${index + 1}`, kind: 'text', date: '', passage }));
  return {
    sources: new Set(findings.map(({ title }) => title)).size,
    agreements: agreementsOf(findings),
    distinctive: distinctiveOf(findings),
    findings,
    source,
  };
};

const agreementsOf = (findings: readonly Passage[]): Agreement[] => {
  const sets = findings.map(({ passage }) => new Set(terms(passage)));
  const pairs: Agreement[] = [];
  findings.forEach((one, i) =>
    findings.slice(i + 1).forEach((other, j) => {
      const similarity = Math.round(overlap(sets[i] as Set<string>, sets[i + 1 + j] as Set<string>) * 100) / 100;
      if (one.title !== other.title && similarity >= ALIKE) pairs.push({ similarity, one, other });
    }),
  );
  return pairs.sort((a, b) => b.similarity - a.similarity).slice(0, SHOWN);
};

const distinctiveOf = (findings: readonly Passage[]): Record<string, string[]> => {
  const byTitle = new Map<string, string>();
  for (const { title, passage } of findings) byTitle.set(title, `${byTitle.get(title) ?? ''} ${passage}`);
  const sets = [...byTitle.values()].map((text) => new Set(terms(text)));
  return Object.fromEntries([...byTitle].map(([title, text]) => [title, rarest(text, sets)]));
};

/** Words used often here and in few other sources (tf-idf). */
const rarest = (text: string, all: readonly Set<string>[]): string[] => {
  const spelled = new Map(words(text).map((word) => [stem(word), word]));
  const weight = (term: string, count: number): number => count * Math.log((1 + all.length) / all.filter((set) => set.has(term)).length);
  return [...countsOf(terms(text))]
    .filter(([term]) => term.length > 3 && !/^\d/.test(term))
    .sort(([a, x], [b, y]) => weight(b, y) - weight(a, x))
    .slice(0, SHOWN)
    .map(([term]) => spelled.get(term) ?? term);
};
