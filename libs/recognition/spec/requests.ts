/** Made-up requests with their patterns, enough of them for a small model: no labelled set is needed to test training. */
import type { Pattern } from '@mandate/contracts';
import { exampleOf, type Example, type Labelled } from '../src/training/examples.js';

const VERBS = ['summarise', 'translate', 'check', 'classify', 'extract', 'convert', 'review', 'index'];
const THINGS = ['the report', 'the letter', 'a recording', 'the invoice', 'this photo', 'the contract', 'the log', 'a table'];

const TEMPLATES: Readonly<Record<string, Readonly<Record<Pattern, (a: string, b: string, c: string, x: string) => string>>>> = {
  press_a: {
    direct: (a, _b, _c, x) => `Please ${a} ${x}.`,
    sequential: (a, b, c, x) => `Please ${a} ${x}, then ${b} the result and ${c} it.`,
    parallel: (a, b, c, x) => `In parallel, ${a} ${x}, ${b} ${x} and ${c} ${x}.`,
    meta: (a, b, c, x) => `In parallel, ${a} ${x} and ${b} ${x}, then combine the results, and finally ${c} it and separately file it.`,
  },
  desk_b: {
    direct: (a, _b, _c, x) => `I would like you to ${a} ${x}`,
    sequential: (a, b, c, x) => `First ${a} ${x}. After that ${b} the output of it. Finally, ${c} the outcome.`,
    parallel: (a, b, c, x) => `Kindly ${a} ${x}. Also, ${b} ${x}. Additionally, ${c} ${x}.`,
    meta: (a, b, c, x) => `Separately ${a} and ${b} ${x}, merge what comes out, and then ${c} it and separately mail it.`,
  },
  lab_c: {
    direct: (a, _b, _c, x) => `${a} ${x} now`,
    sequential: (a, b, c, x) => `${a} ${x} and afterwards ${b} that, and then ${c} that`,
    parallel: (a, b, c, x) => `each separately: ${a} ${x}, ${b} ${x}, ${c} ${x}`,
    meta: (a, b, c, x) => `${a} ${x} and ${b} ${x} simultaneously, compare both, then ${c} them and separately ${a} them`,
  },
};

const at = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;

export const requests = (rounds: number): Labelled[] =>
  Object.entries(TEMPLATES).flatMap(([source, templates]) =>
    Array.from({ length: rounds }, (_, i) =>
      (Object.keys(templates) as Pattern[]).map((label): Labelled => ({
        source,
        label,
        accept: [label],
        input: { text: templates[label](at(VERBS, i), at(VERBS, i + 3), at(VERBS, i + 5), at(THINGS, i * 3 + source.length)) },
      })),
    ).flat(),
  );

export const examples = (rounds: number): Example[] => requests(rounds).map(exampleOf);

/** Such as nobody of these sources would have written, in three manners. */
export const written = (rounds: number): Example[] =>
  requests(rounds).map((request) =>
    exampleOf({
      ...request,
      source: `written_${request.source}`,
      input: { text: `Whereupon my uncle muttered: ${request.input.text.toLowerCase().replace('please', 'somebody ought to')} Cheerio` },
    }),
  );
