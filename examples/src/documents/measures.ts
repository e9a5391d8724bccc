/** Counts and readability of a text. */
import type { Task } from '@mandate/sdk';
import { materialOf } from '../material.js';
import { countsOf } from '../text/bm25.js';
import { paragraphs, sentences, stem, terms, words } from '../text/words.js';

const WORDS_A_MINUTE = 230;
const FREQUENT = 8;

export const countWords = (task: Task) => {
  const { text, source } = materialOf(task);
  const all = words(text);
  const spelled = new Map(all.map((word) => [stem(word), word]));
  const frequent = [...countsOf(terms(text))].sort(([, a], [, b]) => b - a).slice(0, FREQUENT);
  return {
    words: all.length,
    distinctWords: new Set(all).size,
    characters: [...text].length,
    sentences: sentences(text).length,
    paragraphs: paragraphs(text).length,
    readingMinutes: Math.round((all.length / WORDS_A_MINUTE) * 10) / 10,
    frequent: Object.fromEntries(frequent.map(([term, count]) => [spelled.get(term) ?? term, count])),
    source,
  };
};

const SCHOOL = [
  [90, 'very easy'],
  [70, 'easy'],
  [60, 'plain'],
  [50, 'fairly difficult'],
  [30, 'difficult'],
] as const;

/** Flesch reading ease (Flesch, 1948) and Flesch-Kincaid grade (Kincaid et al., 1975); made for English. */
export const readability = (task: Task) => {
  const { text, source } = materialOf(task);
  const all = words(text);
  const perSentence = all.length / Math.max(1, sentences(text).length);
  const perWord = all.reduce((sum, word) => sum + syllables(word), 0) / Math.max(1, all.length);
  const ease = Math.round((206.835 - 1.015 * perSentence - 84.6 * perWord) * 10) / 10;
  return {
    readingEase: ease,
    schoolGrade: Math.round((0.39 * perSentence + 11.8 * perWord - 15.59) * 10) / 10,
    verdict: SCHOOL.find(([from]) => ease >= from)?.[1] ?? 'very difficult',
    wordsPerSentence: Math.round(perSentence * 10) / 10,
    syllablesPerWord: Math.round(perWord * 100) / 100,
    source,
  };
};

/** Groups of vowels, less a silent e at the end. */
export const syllables = (word: string): number => {
  const groups = word.replace(/(?<=[^l])e(?:s|d)?$/, '').match(/[aeiouyäöüéèáíóú]+/g)?.length ?? 0;
  return Math.max(1, groups);
};
