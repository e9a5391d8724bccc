import type { Capabilities } from '@mandate/sdk';
import { detectLanguage } from './language.js';
import { countWords, readability } from './measures.js';
import { checkSpelling } from './spelling.js';
import { summariseDocument } from './summary.js';

const CONCURRENCY = 8;

export const documentCheck: Capabilities = {
  'check-spelling': {
    description: 'Check the spelling of a document: common misspellings, doubled words, a or an',
    tags: ['check', 'spelling', 'proofread', 'typos', 'document', 'text'],
    concurrency: CONCURRENCY,
    effects: 'none',
    handler: checkSpelling,
  },
  'count-words': {
    description: 'Count the words, sentences and paragraphs of a document and its most frequent words',
    tags: ['count', 'words', 'length', 'statistics', 'document', 'text'],
    concurrency: CONCURRENCY,
    effects: 'none',
    handler: countWords,
  },
  'detect-language': {
    description: 'Detect the language that a document or text is written in',
    tags: ['detect', 'language', 'identify', 'document', 'text'],
    concurrency: CONCURRENCY,
    effects: 'none',
    handler: detectLanguage,
  },
  summarise: {
    description: 'Summarise a report, document or findings: write a short summary of the most important sentences',
    tags: ['summarise', 'summarize', 'summary', 'shorten', 'abstract', 'report', 'document'],
    concurrency: CONCURRENCY,
    effects: 'none',
    handler: summariseDocument,
  },
  readability: {
    description: 'Measure the readability of a document: reading ease and school grade',
    tags: ['readability', 'reading ease', 'grade', 'difficulty', 'document', 'text'],
    concurrency: CONCURRENCY,
    effects: 'none',
    handler: readability,
  },
};
