import type { Task } from '@mandate/sdk';
import { materialOf, passagesIn } from '../material.js';
import { sentences } from '../text/words.js';

const FACTS = 8;

/** Facts are sentences that can be checked: they hold a number, a year or a share. */
const MEASURE = /\b\d+(?:[.,]\d+)*\b/g;
const UNIT =
  /\b\d+(?:[.,]\d+)*\s?(?:%|percent|metres?|kilometres?|centimetres?|millimetres?|megawatts?|gigawatts?|hours?|minutes?|years?|days?|times|turbines?|million|billion)\b/gi;

interface Fact {
  fact: string;
  from: string;
}

const weight = (sentence: string): number => (sentence.match(MEASURE)?.length ?? 0) + 2 * (sentence.match(UNIT)?.length ?? 0);

export const extractFacts = (task: Task): { facts: Fact[]; source: string } => {
  const passages = passagesIn([task.input, task.results]);
  const material = materialOf(task);
  const texts =
    passages.length > 0
      ? passages.map(({ title, passage }) => ({ from: title, text: passage }))
      : [{ from: material.source, text: material.text }];
  const facts = texts
    .flatMap(({ from, text }) => sentences(text).map((fact) => ({ fact, from })))
    .filter(({ fact }) => weight(fact) > 0)
    .sort((a, b) => weight(b.fact) - weight(a.fact))
    .slice(0, FACTS);
  return { facts, source: material.source };
};
