/** Okapi BM25 ranking (Robertson and Zaragoza, 2009, https://doi.org/10.1561/1500000019) with the usual constants. */
import { terms } from './words.js';

const SATURATION = 1.2;
const LENGTH_WEIGHT = 0.75;

export interface Ranked<T> {
  item: T;
  score: number;
}

export class Bm25<T> {
  private readonly documents: { item: T; counts: Map<string, number>; length: number }[];
  private readonly containing = new Map<string, number>();
  private readonly meanLength: number;

  constructor(items: readonly T[], textOf: (item: T) => string) {
    this.documents = items.map((item) => {
      const found = terms(textOf(item));
      return { item, counts: countsOf(found), length: found.length };
    });
    for (const { counts } of this.documents)
      for (const term of counts.keys()) this.containing.set(term, (this.containing.get(term) ?? 0) + 1);
    this.meanLength = this.documents.reduce((sum, { length }) => sum + length, 0) / Math.max(1, this.documents.length);
  }

  /** The best matches, best first; nothing that shares no term with the query. */
  search(query: string, limit: number): Ranked<T>[] {
    const wanted = [...new Set(terms(query))];
    return this.documents
      .map(({ item, counts, length }) => ({
        item,
        score: wanted.reduce((sum, term) => sum + this.weight(term, counts.get(term) ?? 0, length), 0),
      }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, limit);
  }

  private weight(term: string, count: number, length: number): number {
    const containing = this.containing.get(term) ?? 0;
    const rarity = Math.log(1 + (this.documents.length - containing + 0.5) / (containing + 0.5));
    return (rarity * count * (SATURATION + 1)) / (count + SATURATION * (1 - LENGTH_WEIGHT + (LENGTH_WEIGHT * length) / this.meanLength));
  }
}

export const countsOf = (found: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const term of found) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
};
