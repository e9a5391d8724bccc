/** The bundled articles (examples/corpus). */
import { readdirSync, readFileSync } from 'node:fs';
import { paragraphs } from './text/words.js';

export type Kind = 'archive' | 'news' | 'web' | 'sample';

export interface Article {
  file: string;
  title: string;
  kind: Kind;
  date: string;
  text: string;
}

/** A paragraph of an article: what a search finds and what later steps quote. */
export interface Passage {
  title: string;
  kind: string;
  date: string;
  passage: string;
}

const folder = new URL('../corpus/', import.meta.url);

const readArticle = (file: string): Article[] => {
  const [, head = '', text = ''] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(readFileSync(new URL(file, folder), 'utf8')) ?? [];
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(head)?.[1] ?? '';
  return head ? [{ file, title: field('title'), kind: field('kind') as Kind, date: field('date'), text: text.trim() }] : [];
};

export const articles: readonly Article[] = readdirSync(folder)
  .filter((file) => file.endsWith('.md'))
  .sort()
  .flatMap(readArticle);

export const passagesOf = (kind: Kind): Passage[] =>
  articles
    .filter((article) => article.kind === kind)
    .flatMap(({ title, date, text }) => paragraphs(text).map((passage) => ({ title, kind, date, passage })));

export const sampleDocument = articles.find(({ kind }) => kind === 'sample') as Article;
