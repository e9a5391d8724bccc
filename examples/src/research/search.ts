import type { Task, WorkContext } from '@mandate/sdk';
import { passagesOf, type Kind, type Passage } from '../corpus.js';
import { Bm25 } from '../text/bm25.js';
import { topicOf } from '../text/words.js';

const FINDINGS = 6;
const OF_ONE_ARTICLE = 2;
/** What matches this much worse than the best shares a word and not the topic. */
const WEAK = 0.5;

export interface Finding extends Passage {
  score: number;
}

export interface SearchOutput {
  searched: string;
  query: string;
  findings: Finding[];
  note?: string;
}

const indexes = new Map<Kind, Bm25<Passage>>();

const indexOf = (kind: Kind): Bm25<Passage> => {
  const known = indexes.get(kind) ?? new Bm25(passagesOf(kind), ({ title, passage }) => `${title} ${passage}`);
  indexes.set(kind, known);
  return known;
};

/** The best passages of one kind of article; without a topic the beginning of each, newest first. */
export const searchKind = (kind: Kind, query: string): SearchOutput => {
  if (query) {
    const findings = spread(
      indexOf(kind)
        .search(query, FINDINGS * 3)
        .map(({ item, score }) => ({ ...item, score: Math.round(score * 100) / 100 })),
    );
    return { searched: kind, query, findings, ...(findings.length === 0 ? { note: `nothing about "${query}" in the ${kind}` } : {}) };
  }
  const first = new Map(
    passagesOf(kind)
      .reverse()
      .map((passage) => [passage.title, passage]),
  );
  const newest = [...first.values()].sort((a, b) => b.date.localeCompare(a.date)).slice(0, FINDINGS);
  return {
    searched: kind,
    query,
    findings: newest.map((passage) => ({ ...passage, score: 0 })),
    note: 'the goal named no topic; these are the newest articles',
  };
};

/** One long article must not crowd the others out. */
const spread = (ranked: readonly Finding[]): Finding[] => {
  const taken = new Map<string, number>();
  const best = ranked[0]?.score ?? 0;
  return ranked
    .filter(({ title, score }) => {
      if (score < best * WEAK) return false;
      const count = (taken.get(title) ?? 0) + 1;
      taken.set(title, count);
      return count <= OF_ONE_ARTICLE;
    })
    .slice(0, FINDINGS);
};

export const search =
  (kind: Kind) =>
  (task: Task, context: WorkContext): SearchOutput => {
    const found = searchKind(kind, queryOf(task));
    context.progress({ found: found.findings.length });
    return found;
  };

const queryOf = ({ goal, input }: Task): string => {
  if (typeof input === 'string') return input;
  const given = typeof input === 'object' && input !== null && !Array.isArray(input) ? (input['query'] ?? input['topic']) : undefined;
  return typeof given === 'string' ? given : topicOf(goal);
};
