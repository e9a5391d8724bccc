import type { Task } from '@mandate/sdk';
import { materialOf } from '../material.js';
import { MISSPELLINGS } from './misspellings.js';

interface Mistake {
  line: number;
  text: string;
  suggestion: string;
  why: 'spelling' | 'word twice' | 'a or an';
}

const DOUBLED = /\b(\p{L}+)(\s+)(\1)\b/giu;
const ARTICLE = /\b(a|an)\s+([a-z]+)/gi;
/** Words whose first sound is not what their first letter says. */
const VOWEL_SOUND = /^(?:[aeio]|u(?!ni|s[aeu]|t[ei]|ro|biq)|hour|honest|honou?r|heir)/i;
const CONSONANT_SOUND = /^(?:one|once|eu|ewe)/i;
/** Doubled on purpose often enough. */
const MAY_BE_DOUBLED = new Set(['that', 'had', 'very']);

export const checkSpelling = (task: Task): { mistakes: Mistake[]; checked: number; source: string } => {
  const { text, source } = materialOf(task);
  const lines = text.split('\n');
  const mistakes = lines.flatMap((line, index) =>
    [...misspelt(line), ...doubled(line), ...articles(line)].map((mistake) => ({ line: index + 1, ...mistake })),
  );
  return { mistakes, checked: text.match(/\p{L}+/gu)?.length ?? 0, source };
};

type Found = Omit<Mistake, 'line'>;

const misspelt = (line: string): Found[] =>
  [...line.matchAll(/\p{L}+/gu)].flatMap(([word]) => {
    const right = MISSPELLINGS.get(word.toLowerCase());
    if (!right) return [];
    const suggestion = word.charAt(0) === word.charAt(0).toUpperCase() ? right.charAt(0).toUpperCase() + right.slice(1) : right;
    return [{ text: word, suggestion, why: 'spelling' as const }];
  });

const doubled = (line: string): Found[] =>
  [...line.matchAll(DOUBLED)].flatMap(([text, word = '']) =>
    MAY_BE_DOUBLED.has(word.toLowerCase()) ? [] : [{ text, suggestion: word, why: 'word twice' as const }],
  );

const articles = (line: string): Found[] =>
  [...line.matchAll(ARTICLE)].flatMap(([text, article = '', word = '']) => {
    if (word.length < 2) return [];
    const right = VOWEL_SOUND.test(word) && !CONSONANT_SOUND.test(word) ? 'an' : 'a';
    return right === article.toLowerCase() ? [] : [{ text, suggestion: `${right} ${word}`, why: 'a or an' as const }];
  });
