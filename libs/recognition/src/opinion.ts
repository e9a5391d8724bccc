/**
 * The structural opinion: what the way a request is built says about its pattern, whoever wrote it. It names one situation a request is in;
 * the chances of each are stated here by judgement, and weighed against what was counted where several authors' requests were measured.
 */
import type { Facts, Marker } from './facts.js';
import { inspectsOnly } from './sketch.js';

export interface Situation {
  /** A stable name: the key of what was counted. */
  key: string;
  /** What is read, in words for people. */
  because: string;
  /** Direct, sequential, parallel, meta: judged, not counted. */
  judged: readonly [number, number, number, number];
  /** The text says how its steps lie, so that the opinion can be acted on. */
  stated: boolean;
  /** The text names a goal and says nothing of the way there: what is learned from texts that do has nothing to say. */
  open: boolean;
}

const situation = (key: string, because: string, judged: Situation['judged'], stated = false, open = false): Situation => ({
  key,
  because,
  judged,
  stated,
  open,
});

const given = ({ steps }: Facts): Situation => {
  if (steps.count === 1) return situation('given one', 'one step came with the request', [1, 0, 0, 0], true);
  if (steps.count === 2) return situation('given two', 'two steps came with the request', [0, 0.7, 0.3, 0]);
  if (steps.any >= 0.3) return situation('given tied', 'given steps take up the matter of earlier ones', [0, 0.35, 0.1, 0.55]);
  return situation('given loose', 'given steps share little matter', [0, 0.25, 0.25, 0.5]);
};

const comparing = (facts: Facts): Situation | null => {
  const { says, reading, values } = facts;
  const has = (word: Marker): boolean => says.has(word);
  const alternatives = has('or') || values.or > 0;
  const differs = (has('more') || has('fewer') || has('less')) && (has('than') || has('compared') || alternatives);
  const counts = has('many') || has('much') || (has('more') && alternatives) || (has('fewer') && alternatives);
  if (differs && counts) return situation('question counts apart', 'two amounts are found and compared', [0.05, 0.15, 0.3, 0.5]);
  if (has('both') || (has('common') && has('and')) || (has('same') && has('and')) || has('difference'))
    return situation('question of two', 'two things are looked up and put together', [0.1, 0.15, 0.6, 0.15]);
  if (alternatives && (reading.nesting.comparison > 0 || reading.nesting.superlative > 0 || values.or > 0))
    return situation('question of alternatives', 'alternatives are looked up and compared', [0.1, 0.1, 0.65, 0.15]);
  if (reading.nesting.comparison > 0 && (has('than') || has('between') || (has('after') && has('years')) || has('compared')))
    return situation('question of difference', 'two things are looked up and compared', [0.1, 0.25, 0.45, 0.2]);
  return null;
};

/** Hops from one looked-up thing to the next: relative clauses, genitives, a thing named by another. */
const hops = ({ reading, says, verbs }: Facts): number => {
  const possessives = reading.tokens.filter(({ text }) => text.endsWith("'s") || text.endsWith('’s')).length;
  return reading.nesting.relative + Math.max(0, reading.nesting.of - 1) + possessives + (says.has('by') && verbs.past > 0 ? 0.5 : 0);
};

const question = (facts: Facts): Situation => {
  const { reading, kinds, says } = facts;
  const compared = comparing(facts);
  if (compared) return compared;
  if (kinds.number >= 3 && reading.tokens.length > 25)
    return situation('question over figures', 'a figure is worked out from several given ones', [0.25, 0.4, 0.2, 0.15]);
  if (reading.asks.length > 1) return situation('questions', 'several questions are asked', [0.15, 0.3, 0.45, 0.1]);
  if (reading.values >= 3) return situation('question of several', 'one question is asked of several things', [0.3, 0.15, 0.5, 0.05]);
  const nested = hops(facts);
  if (nested >= 2) return situation('question nested twice', 'one thing has to be found to find the next', [0.13, 0.63, 0.16, 0.08]);
  if (nested >= 1) return situation('question nested', 'something may have to be found first', [0.3, 0.55, 0.1, 0.05]);
  if (says.has('how') && says.has('many')) return situation('question of amount', 'something is to be counted', [0.35, 0.5, 0.1, 0.05]);
  return situation(reading.tokens.length > 14 ? 'question long' : 'question', 'one plain question', [0.55, 0.35, 0.08, 0.02]);
};

/** One deed each: nobody takes them apart. Goals like "organise a party" or "build a house" name a whole instead. */
const SINGLE_DEEDS: ReadonlySet<string> = new Set(
  'summarise summarize translate transcribe classify categorise categorize calculate compute convert count detect extract retrieve fetch list rename resize compress proofread paraphrase rephrase rewrite retrieve send email print sort encrypt decrypt colorize redact'.split(
    ' ',
  ),
);
const SHORT = 16;

const isSingleDeed = ({ reading }: Facts): boolean => {
  const ask = reading.asks[0];
  return reading.asks.length === 1 && SINGLE_DEEDS.has(ask?.verb ?? '') && reading.tokens.length <= SHORT;
};

const single = (facts: Facts): Situation => {
  const { reading, says, asked } = facts;
  const { length } = reading.tokens;
  const { hidden } = asked;
  if (reading.values >= 3) return situation('one of several', 'one thing is asked of several objects', [0.5, 0.1, 0.37, 0.03]);
  if (reading.asks.length === 0)
    return length > 20
      ? situation('unclear long', 'no request could be made out in a long text', [0.4, 0.4, 0.13, 0.07])
      : situation('unclear', 'no request could be made out', [0.52, 0.3, 0.1, 0.08]);
  if (says.has('respectively') || says.has('each'))
    return situation('one for each', 'one thing is asked of each object', [0.4, 0.1, 0.47, 0.03]);
  if (hidden >= 2) return situation('one with deeds', 'one thing is asked, others are named in passing', [0.38, 0.5, 0.08, 0.04]);
  if (isSingleDeed(facts) && hidden === 0) return situation('one deed', 'one deed is asked for', [0.88, 0.08, 0.03, 0.01], true);
  if (hidden === 1) return situation('one with a deed', 'one thing is asked, another is named in passing', [0.58, 0.32, 0.07, 0.03]);
  if (length > 30) return situation('one long', 'one thing is asked at length', [0.56, 0.26, 0.13, 0.05]);
  return situation('one', 'one thing is asked, and not how', [0.58, 0.23, 0.09, 0.1]);
};

/** How many asks behind the first take up what an earlier one gives. */
const several = (facts: Facts): Situation => {
  const { reading, links, ties, askingSentences, opinions, kinds } = facts;
  const n = reading.asks.length;
  const size = n > 2 ? 'three' : 'two';
  const linked = (name: Parameters<typeof links.get>[0]): number => links.get(name) ?? 0;
  if (linked('apart') > 0) {
    const key = `apart ${opinions.taken}`;
    return opinions.taken === 'meta'
      ? situation(key, 'some parts lie side by side and others wait for them', [0.01, 0.04, 0.15, 0.8], true)
      : situation(key, 'parts are said to lie side by side', [0.02, 0.06, 0.84, 0.08], true);
  }
  if (inspectsOnly(reading))
    return situation('inspections', 'each part only looks at something of its own', [0.06, 0.26, 0.64, 0.04], true);
  const place = askingSentences === 1 ? 'one' : askingSentences === n ? 'own' : 'mixed';
  if (linked('join') > 0 && n > 2) {
    const fan = opinions.independent === 'parallel';
    return situation(
      `join ${place}`,
      'a part brings results of others together',
      fan && place === 'own' ? [0.03, 0.25, 0.45, 0.27] : [0.03, 0.62, 0.2, 0.15],
    );
  }
  const reach = ties.refers >= n - 1 ? 'all' : ties.refers > 0 ? 'some' : ties.echoes > 0 ? 'echo' : 'none';
  const order = linked('sequence') > 0 ? ' then' : '';
  const also = ties.addition > 0 ? ' also' : '';
  const key = `${size} ${place} ${reach}${order}${also}`;
  if (place === 'one') {
    if (order) return situation(key, 'parts of one sentence follow each other', [0.02, 0.88, 0.06, 0.04], true);
    if (reach === 'all' || reach === 'some')
      return situation(
        key,
        'parts of one sentence take up each other',
        size === 'two' ? [0.2, 0.7, 0.07, 0.03] : [0.03, 0.83, 0.08, 0.06],
        size === 'three',
      );
    return situation(key, 'parts of one sentence', size === 'two' ? [0.3, 0.5, 0.17, 0.03] : [0.04, 0.64, 0.24, 0.08]);
  }
  if (place === 'own') {
    if (reach === 'all')
      return situation(key, 'each sentence takes up the one before', size === 'two' ? [0.25, 0.62, 0.1, 0.03] : [0.03, 0.7, 0.12, 0.15]);
    if (reach === 'some') return situation(key, 'some sentences take up an earlier one', [0.04, 0.36, 0.3, 0.3]);
    if (also) return situation(key, 'sentences ask for things in addition', [0.05, 0.12, 0.75, 0.08], size === 'three');
    if (order && reach === 'echo') return situation(key, 'sentences follow each other about the same matter', [0.04, 0.48, 0.38, 0.1]);
    if (order) return situation(key, 'sentences follow each other without taking anything up', [0.04, 0.38, 0.48, 0.1]);
    return situation(key, 'sentences ask for one thing each', size === 'two' ? [0.4, 0.25, 0.33, 0.02] : [0.15, 0.25, 0.52, 0.08]);
  }
  if (reach === 'all' || (reach === 'some' && !also))
    return situation(key, 'most parts take up earlier ones', [0.05, 0.72, 0.1, 0.13], kinds.word > 0 && order !== '');
  if (also) return situation(key, 'parts are asked for in addition', [0.06, 0.3, 0.5, 0.14]);
  if (order) return situation(key, 'parts follow each other', [0.03, 0.62, 0.24, 0.11]);
  return situation(key, 'parts that no word ties', [0.2, 0.45, 0.28, 0.07]);
};

const SOMEBODY: ReadonlySet<string> = new Set(['to', 'i', 'we', 'you', 'one']);

/** "How to change a tyre", "how do I get rich", "steps to a better life". */
const asksTheWay = ({ reading: { tokens } }: Facts): boolean => {
  const [first, second, third] = [tokens[0]?.text, tokens[1]?.text ?? '', tokens[2]?.text ?? ''];
  if (first === 'how') return second === 'to' || (/^(?:do|can|should|would|could)$/u.test(second) && SOMEBODY.has(third));
  return (first === 'ways' || first === 'steps') && second === 'to';
};

/** "Blue", "hm?", "help!": of what, nobody knows. */
const FEWEST = 2;
const isWord = ({ reading: { tokens } }: Facts): boolean =>
  tokens.length <= FEWEST && tokens.filter(({ kind }) => kind === 'word').length < 2;

/** The one situation that a request is in. */
export const situationOf = (facts: Facts): Situation => {
  const { form, asks } = facts.reading;
  if (form !== 'given' && isWord(facts)) return situation('too little', 'a word is no request', [0.3, 0.3, 0.1, 0.3], false, true);
  if (form !== 'given' && form !== 'listed' && asks.length < 2 && asksTheWay(facts))
    return situation('goal', 'a goal is named, and no step on the way', [0.3, 0.3, 0.1, 0.3], false, true);
  switch (facts.reading.form) {
    case 'given':
      return given(facts);
    case 'listed':
      return situation(facts.reading.items.length > 3 ? 'listed' : 'listed few', 'the text lists its steps', [0.04, 0.5, 0.2, 0.26]);
    case 'question':
      return question(facts);
    case 'unclear':
      return single(facts);
    case 'asked':
      return facts.sketch.parts.length === 1 ? single(facts) : several(facts);
  }
};
