import type { Task } from '@mandate/sdk';
import { materialOf } from '../material.js';
import { summarise } from '../text/summary.js';
import { words } from '../text/words.js';

const SENTENCES = 3;

export const summariseDocument = (task: Task) => {
  const { text, source } = materialOf(task);
  const summary = summarise(text, SENTENCES).join(' ');
  return { summary, from: words(text).length, to: words(summary).length, source };
};
