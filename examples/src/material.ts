/** What a task brings to work on: its input, else what earlier steps found, else text in the goal itself, else the bundled sample. */
import type { JsonValue, Task } from '@mandate/sdk';
import { sampleDocument, type Passage } from './corpus.js';

export interface Material {
  text: string;
  /** Said in the output, so that nobody takes the sample for their own document. */
  source: string;
}

const QUOTED = /["“”]([^"“”]{40,})["“”]/;
const AFTER_COLON = /:\s+([^]{60,})$/;

export const materialOf = ({ goal, input, results }: Task): Material => {
  const given = textIn(input);
  if (given) return { text: given, source: 'the input of the request' };
  const found = textIn(results);
  if (found) return { text: found, source: `what the steps before gave (${Object.keys(results).join(', ')})` };
  const inGoal = QUOTED.exec(goal)?.[1] ?? AFTER_COLON.exec(goal)?.[1];
  if (inGoal) return { text: inGoal, source: 'the text in the goal' };
  return { text: sampleDocument.text, source: `the bundled sample "${sampleDocument.title}", because the request brought no document` };
};

/** Fields of documents and of our own outputs that hold text, best first. */
const TEXT_FIELDS = ['text', 'document', 'report', 'announcement', 'content', 'markdown', 'summary', 'passage', 'fact'];
/** Fields that describe a text and are not part of it. */
const ABOUT = new Set(['source', 'title', 'kind', 'date', 'query', 'searched', 'note', 'from', 'id', 'url']);

/** All text in a JSON value, paragraph by paragraph; empty when there is none. */
export const textIn = (value: JsonValue | undefined): string => {
  if (typeof value === 'string') return value.trim();
  if (Array.isArray(value)) return value.map(textIn).filter(Boolean).join('\n\n');
  if (typeof value !== 'object' || value === null) return '';
  for (const name of TEXT_FIELDS) {
    const text = textIn(value[name]);
    if (text) return text;
  }
  return Object.entries(value)
    .filter(([name]) => !ABOUT.has(name))
    .map(([, inner]) => textIn(inner))
    .filter(Boolean)
    .join('\n\n');
};

/** Passages that earlier steps found, wherever they stand in their outputs; each once. */
export const passagesIn = (value: JsonValue): Passage[] => {
  const found = new Map<string, Passage>();
  const visit = (inner: JsonValue): void => {
    if (Array.isArray(inner)) inner.forEach(visit);
    else if (typeof inner === 'object' && inner !== null) {
      const { title, kind, date, passage } = inner;
      if (typeof title === 'string' && typeof passage === 'string')
        found.set(passage, { title, passage, kind: typeof kind === 'string' ? kind : 'input', date: typeof date === 'string' ? date : '' });
      else Object.values(inner).forEach(visit);
    }
  };
  visit(value);
  return [...found.values()];
};
