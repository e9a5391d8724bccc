/** The dense features of a request: named numbers, structure first (how it is built), style behind (in which words). */
import type { Facts } from './facts.js';
import { know, UNKNOWN } from './known.js';
import type { Link } from './sketch.js';
import { TIES } from './ties.js';

/** `of` is null where `measure` counts the words of many measures at once: a text has fewer words than there are measures of words. */
export type Measure = readonly [name: string, of: ((facts: Facts) => number) | null];

const PATTERNS = ['direct', 'sequential', 'parallel', 'meta'] as const;
const FORMS = ['given', 'listed', 'asked', 'question', 'unclear'] as const;
const LINKS: readonly Link[] = ['sequence', 'reference', 'join', 'addition', 'apart', 'condition', 'unsaid'];

const bit = (holds: boolean): number => (holds ? 1 : 0);
const most = (limit: number, value: number): number => Math.min(limit, value);
const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);
const log = (value: number): number => Math.log2(1 + value);

const OPINION: readonly Measure[] = [
  ...FORMS.map((form): Measure => [`form ${form}`, ({ reading }) => bit(reading.form === form)]),
  ...(['chain', 'independent', 'taken'] as const).flatMap((unsaid) =>
    PATTERNS.map((pattern): Measure => [`${pattern} if ${unsaid}`, ({ opinions }) => bit(opinions[unsaid] === pattern)]),
  ),
  ['unsaid is independent', ({ sketch }) => bit(sketch.unsaid === 'independent')],
  ['parts', ({ sketch }) => most(12, sketch.parts.length)],
  ['one part', ({ sketch }) => bit(sketch.parts.length === 1)],
  ['two parts', ({ sketch }) => bit(sketch.parts.length === 2)],
  ['counted', ({ sketch }) => bit(sketch.counted)],
  ...LINKS.map((link): Measure => [`links by ${link}`, ({ links }) => most(6, links.get(link) ?? 0)]),
  ...LINKS.map((link): Measure => [`share linked by ${link}`, ({ links, sketch }) => share(links.get(link) ?? 0, sketch.parts.length - 1)]),
];

const CLAUSES: readonly Measure[] = [
  ['asks', ({ reading }) => most(10, reading.asks.length)],
  ['bare asks', ({ asked }) => most(5, asked.bare)],
  ['wishes', ({ asked }) => most(5, asked.wishes)],
  ['questions asked', ({ asked }) => most(5, asked.questions)],
  ['asking sentences', ({ askingSentences }) => most(8, askingSentences)],
  ['asks a sentence', ({ askingSentences, reading }) => share(reading.asks.length, askingSentences)],
  ['sentences', ({ sentences }) => most(10, sentences)],
  ['hidden deeds', ({ asked }) => most(6, asked.hidden)],
  ['hidden deeds in the last ask', ({ reading }) => most(4, reading.asks[reading.asks.length - 1]?.hidden ?? 0)],
  ['tied asks', ({ asked, reading }) => share(asked.tied, reading.asks.length - 1)],
  ['last ask refers', ({ reading }) => bit(reading.asks.length > 1 && (reading.asks[reading.asks.length - 1]?.ties.refers ?? false))],
  ['second ask refers', ({ reading }) => bit(reading.asks[1]?.ties.refers ?? false)],
  ['asks with a value of their own', ({ asked, reading }) => share(asked.valued, reading.asks.length)],
  ['repeated verb', ({ asked, reading }) => bit(asked.verbs < reading.asks.length)],
  ['one verb', ({ asked, reading }) => bit(reading.asks.length > 1 && asked.verbs === 1)],
  ...TIES.map((tie): Measure => [`asks that ${tie}`, ({ ties }) => most(5, ties[tie])]),
  ...TIES.map((tie): Measure => [`share that ${tie}`, ({ ties, reading }) => share(ties[tie], reading.asks.length - 1)]),
  ['distinct verbs', ({ verbs }) => most(10, verbs.distinct)],
  ['base verbs', ({ verbs }) => most(10, verbs.base)],
  ['gerunds', ({ verbs }) => most(6, verbs.gerund)],
  ['participles', ({ verbs }) => most(6, verbs.past)],
  ['inspecting verbs', ({ verbs }) => most(6, verbs.inspecting)],
];

const MATTER: readonly Measure[] = [
  ['listed values', ({ reading }) => most(6, reading.values)],
  ['values joined by and', ({ values }) => most(5, values.and)],
  ['values joined by commas', ({ values }) => most(8, values.comma)],
  ['values joined by or', ({ values }) => most(3, values.or)],
  ...(['comparison', 'superlative', 'relative', 'of', 'or', 'and'] as const).map((kind): Measure => [
    `nested ${kind}`,
    ({ reading }) => most(6, reading.nesting[kind]),
  ]),
  ['items', ({ reading }) => most(12, reading.items.length)],
  ...(['number', 'quote', 'name', 'comma', 'colon', 'question', 'bracket', 'break'] as const).map((kind): Measure => [
    `tokens that are ${kind}`,
    ({ kinds }) => most(12, kinds[kind]),
  ]),
  ['length', ({ reading }) => log(reading.tokens.length)],
  ['length by asks', ({ reading }) => log(reading.tokens.length / Math.max(1, reading.asks.length))],
  ['characters', ({ reading }) => log(reading.input.text.length)],
  ['capitals', ({ capitals }) => most(12, capitals)],
  ['ends as a question', ({ reading }) => bit(reading.input.text.trimEnd().endsWith('?'))],
  ['ends with a stop', ({ reading }) => bit(/[.!]["']?$/u.test(reading.input.text.trimEnd()))],
];

const STEPS: readonly Measure[] = [
  ['given steps', ({ steps }) => most(12, steps.count)],
  ['steps that share with the one before', ({ steps }) => steps.adjacent],
  ['steps that share with an earlier one', ({ steps }) => steps.any],
  ['steps with a capital', ({ steps }) => steps.capital],
  ['steps with a stop', ({ steps }) => steps.stopped],
  ['steps with a pronoun', ({ steps }) => steps.pronouns],
  ['steps that open with a verb', ({ steps }) => steps.verbs],
  ['different openings', ({ steps }) => steps.openings],
  ['words a step', ({ steps }) => most(30, steps.words)],
];

const TOOLS: readonly Measure[] = [
  ['tools', ({ tools }) => most(8, tools.count)],
  ['one tool', ({ tools }) => bit(tools.count === 1)],
  ['tools touched', ({ tools }) => most(6, tools.touched)],
  ['tools half named', ({ tools }) => most(6, tools.half)],
  ['tools named', ({ tools }) => most(6, tools.whole)],
];

/** Words that bind or order, in any author's English. */
const BINDING =
  'then after before finally lastly also additionally next first second third once and or both each every respectively between same common difference than more less fewer while well together separately parallel if using use based from into result results output it them its their this that these those which by following generated resulting retrieved obtained followed step compare combine all two three average total'.split(
    ' ',
  );
const MANNER =
  'how many much what who when where why whose is are was were did does do has with for of to in on at the a please need want like would could can help have i me my we you provide find get information give tell show as not be there know interested create make image text file audio video'.split(
    ' ',
  );

const MOST_COUNTED = 4;
/** How often a word stands in the text, and whether it opens it. */
const nameOfCount = (word: string): string => `"${word}"`;
const nameOfOpening = (word: string): string => `opens with "${word}"`;
const OPENINGS = ['how', 'what', 'which', 'who', 'when', 'i', 'please', 'can', 'find', 'if'];

/** Features that tell how a request is built, whoever wrote it. */
export const STRUCTURE: readonly Measure[] = [
  ...OPINION,
  ...CLAUSES,
  ...MATTER,
  ...BINDING.map((word): Measure => [nameOfCount(word), null]),
];
/** Features that tell as much about the author. */
export const STYLE: readonly Measure[] = [
  ...STEPS,
  ...TOOLS,
  ...MANNER.map((word): Measure => [nameOfCount(word), null]),
  ...OPENINGS.map((word): Measure => [nameOfOpening(word), null]),
];
export const MEASURES: readonly Measure[] = [...STRUCTURE, ...STYLE];

/** By a word's id: where what `nameOf` calls it is measured; nowhere, for most words. */
const placesOf = (words: readonly string[], nameOf: (word: string) => string): readonly (number | undefined)[] => {
  const places = new Map(words.map((word) => [know(word).id, MEASURES.findIndex(([name]) => name === nameOf(word))]));
  return Array.from({ length: Math.max(...places.keys()) + 1 }, (_, id) => places.get(id));
};
const COUNTED = placesOf([...BINDING, ...MANNER], nameOfCount);
const OPENING = placesOf(OPENINGS, nameOfOpening);
const COMPUTED = MEASURES.flatMap(([, of], place) => (of ? [{ of, place }] : []));

/** All measures, in their order. */
export const measure = (facts: Facts): Float64Array => {
  const measured = new Float64Array(MEASURES.length);
  const { tokens } = facts.reading;
  for (const { known } of tokens) {
    const place = COUNTED[known.id];
    if (place !== undefined) measured[place] = most(MOST_COUNTED, (measured[place] as number) + 1);
  }
  const opens = OPENING[tokens[0]?.known.id ?? UNKNOWN.id];
  if (opens !== undefined) measured[opens] = 1;
  for (const { of, place } of COMPUTED) measured[place] = of(facts);
  return measured;
};
