/** The clauses of a request: what is asked, in which words, and which words tie it to what was asked before. */
import { is, role, type Role, type VerbForm } from './known.js';
import { DETERMINERS, LEAD_INS, QUESTION_WORDS, isAmbiguousVerb, isPreamble } from './lexicon.js';
import { echoes, hiddenIn, mention, noTies, tie, type Ties } from './ties.js';
import type { Token } from './tokens.js';

export interface Clause {
  /** A wish is an ask without a verb for the agent: "I need the weather in Rome", "I am interested in jazz". */
  kind: 'ask' | 'wish' | 'question' | 'statement';
  /** Base form of the verb asked for; null for statements and most questions. */
  verb: string | null;
  sentence: number;
  /** Token positions, end exclusive. */
  from: number;
  to: number;
  ties: Ties;
  /** No object of its own: "detect" in "detect and label the objects". */
  bare: boolean;
  /** Deeds named in passing: "a summarised version of the translated text". */
  hidden: number;
}

const divides = ({ kind }: Token): boolean => kind === 'stop' || kind === 'question' || kind === 'break' || kind === 'item';
/** How far into a clause its verb may stand behind words that ask nothing. */
const LEAD_LIMIT = 14;

/** Sentences as ranges of tokens without the marks that end them; `question` when it ends in "?". */
export const sentencesOf = (tokens: readonly Token[]): { from: number; to: number; question: boolean; item: boolean }[] => {
  const sentences: { from: number; to: number; question: boolean; item: boolean }[] = [];
  let from = 0;
  for (let at = 0; at <= tokens.length; at++) {
    const token = tokens[at];
    if (token && !divides(token)) continue;
    if (at > from) sentences.push({ from, to: at, question: token?.kind === 'question', item: tokens[from - 1]?.kind === 'item' });
    from = at + 1;
  }
  return sentences;
};

type Forms = readonly VerbForm['form'][];

/** The verb at `at`, if a request may begin with it there. */
const verbAt = (tokens: readonly Token[], at: number, to: number, forms: Forms): VerbForm | null => {
  const token = tokens[at];
  const verb = token?.known.verb;
  if (!verb || !forms.includes(verb.form)) return null;
  return verb.form !== 'base' || !isAmbiguousVerb(verb.base) || takesObject(tokens, at, to) ? verb : null;
};

const takesObject = (tokens: readonly Token[], at: number, to: number): boolean => {
  const next = tokens[at + 1];
  if (!next || at + 1 >= to) return at > 0 && tokens[at - 1]?.kind !== 'word';
  if (next.kind === 'quote' || next.kind === 'name' || next.kind === 'number') return true;
  if (next.kind !== 'word') return false;
  const before = tokens[at - 1];
  return (
    is(next, DETERMINERS) ||
    next.capital ||
    !before ||
    before.kind !== 'word' ||
    before.text === 'please' ||
    before.text === 'to' ||
    before.text === 'then'
  );
};

const BASE: Forms = ['base'];
const BASE_OR_GERUND: Forms = ['base', 'gerund'];
const PARTICIPLE: Forms = ['past'];

interface Head {
  at: number;
  verb: VerbForm;
}

/** The first verb behind the lead-in of a clause, passing over "help me to", "I want to learn how to" and the like. */
const headOf = (tokens: readonly Token[], from: number, to: number): Head | null => {
  let preamble: Head | null = null;
  for (let at = from; at < Math.min(to, from + LEAD_LIMIT); at++) {
    const verb = verbAt(tokens, at, to, at > from ? BASE_OR_GERUND : BASE);
    if (verb && !isPreamble(verb.base)) return { at, verb };
    if (verb && !preamble) preamble = { at, verb };
    const token = tokens[at] as Token;
    if (token.kind === 'comma' || is(token, LEAD_INS) || verb) continue;
    return preamble && preamble.at === at - 1 && isImperative(tokens, preamble, from) ? preamble : null;
  }
  return null;
};

/** "Start the server", but not "I need" or "I have". */
const isImperative = (tokens: readonly Token[], head: Head, from: number): boolean =>
  head.verb.form === 'base' &&
  !['have', 'need', 'want', 'like', 'help', 'know'].includes(head.verb.base) &&
  (head.at === from || tokens[head.at - 1]?.text !== 'i');

/** Where a new clause begins inside a sentence: behind a comma or a conjunction, at a verb. */
const boundaries = (tokens: readonly Token[], from: number, to: number, first: Head | null, participles: boolean): Head[] => {
  const heads: Head[] = [];
  for (let at = from; at < to; at++) {
    const token = tokens[at] as Token;
    const opens = token.kind === 'comma' || token.kind === 'colon' || is(token, OPENERS);
    if (!opens || (is(token, RELATIVES) && !is(tokens[at + 1], SELF))) continue;
    let next = at + 1;
    while (next < to && next < at + 6 && (tokens[next]?.kind === 'comma' || is(tokens[next], BETWEEN))) next++;
    const verb =
      verbAt(tokens, next, to, participles ? PARTICIPLE : BASE) ??
      (participles ? verbAt(tokens, next, to, BASE) : null) ??
      gerundIn(tokens, next, to, heads[heads.length - 1] ?? first) ??
      (tokens[next - 1]?.text === 'then' ? unknownVerb(tokens, next, to) : null);
    if (verb && !(isPreamble(verb.base) && verb.base !== 'see')) heads.push({ at: next, verb });
    at = Math.max(at, next - 1);
  }
  return heads;
};

const RELATIVES: Role = role(['that', 'which']);
const SELF: Role = role(['i', "i'd", 'we', "we'd"]);
const OPENERS: Role = role(['and', 'then', 'or', 'finally', 'afterwards', 'but', 'before', 'followed', 'that', 'which']);
const BETWEEN: Role = role(
  "and then also finally lastly next afterwards subsequently please to i i'd i'll we we'd you your help me in would've wish can could would like want need by it use this that which additionally separately after".split(
    ' ',
  ),
);

/** "by extracting the text, translating it and …": a gerund begins a clause where another gerund did. */
const gerundIn = (tokens: readonly Token[], at: number, to: number, before: Head | null): VerbForm | null => {
  const allowed = before?.verb.form === 'gerund' || tokens[at - 1]?.text === 'by' || tokens[at - 1]?.text === 'before';
  return allowed ? verbAt(tokens, at, to, BASE_OR_GERUND) : null;
};

/** "Juggle five balls and then ride a unicycle": where a sentence tells a sequence, what stands before an object is a verb, known or not. */
const unknownVerb = (tokens: readonly Token[], at: number, to: number): VerbForm | null => {
  const [token, next] = [tokens[at], tokens[at + 1]];
  if (token?.kind !== 'word' || next?.kind !== 'word' || at + 1 >= to || !is(next, DETERMINERS)) return null;
  const known = is(token, DETERMINERS | LEAD_INS | QUESTION_WORDS) || token.known.verb !== undefined || token.text.endsWith('ing');
  return known ? null : { base: token.text, form: 'base' };
};

const openingVerb = (tokens: readonly Token[], at: number, to: number): Head | null => {
  const verb = unknownVerb(tokens, at, to);
  return verb && { at, verb };
};

const WANTS: Role = role(['need', 'want', 'like', "i'd"]);
const NAMING: ReadonlySet<string> = new Set(['name', 'call', 'give', 'title', 'set']);

/** "I need the file transcribed, translated and …": asked for by participles. */
const asksByParticiple = (tokens: readonly Token[], from: number, to: number): Head | null => {
  if (tokens[from]?.text !== 'i' || !anyIs(tokens, from, Math.min(to, from + 6), WANTS)) return null;
  for (let at = from + 3; at < to; at++) {
    const verb = verbAt(tokens, at, to, PARTICIPLE);
    if (verb && !NAMING.has(verb.base) && !is(tokens[at - 1], DETERMINERS)) return { at, verb };
  }
  return null;
};

const anyIs = (tokens: readonly Token[], from: number, to: number, wanted: Role): boolean => {
  for (let at = from; at < to; at++) if (is(tokens[at], wanted)) return true;
  return false;
};

const isQuestion = (tokens: readonly Token[], from: number, to: number): boolean =>
  anyIs(tokens, from, Math.min(to, from + 3), QUESTION_WORDS);

const WISHES: Role = role('need want require interested curious like'.split(' '));
const WISHING: Role = role(['i', "i'm", "i'd", 'we']);

const isWish = (tokens: readonly Token[], from: number, to: number): boolean => {
  for (let at = from; at < Math.min(to, from + 8); at++) if (is(tokens[at], WISHES)) return anyIs(tokens, from, at, WISHING);
  return false;
};

/** Splits the text into clauses, in order. */
export const clausesOf = (tokens: readonly Token[]): Clause[] => {
  const clauses: Clause[] = [];
  const done = new Set<string>();
  const mentioned = new Set<string>();
  let asked = false;
  sentencesOf(tokens).forEach((range, sentence) => {
    for (const clause of clausesIn(tokens, range, sentence)) {
      tie(tokens, clause, asked, done);
      clause.ties.echoes = echoes(tokens, clause, mentioned);
      clause.hidden = hiddenIn(tokens, clause);
      if (clause.verb) done.add(clause.verb);
      if (clause.kind !== 'statement') mention(tokens, clause, mentioned);
      asked ||= clause.kind !== 'statement';
      clauses.push(clause);
    }
  });
  return clauses;
};

const clausesIn = (
  tokens: readonly Token[],
  { from, to, question }: { from: number; to: number; question: boolean },
  sentence: number,
): Clause[] => {
  const wanted = asksByParticiple(tokens, from, to);
  const head = headOf(tokens, from, to) ?? wanted;
  const later = boundaries(tokens, head ? head.at + 1 : from, to, head, head !== null && head === wanted);
  const opening = head ?? (later.some(({ at }) => tokens[at - 1]?.text === 'then') ? openingVerb(tokens, from, to) : null);
  const starts: (Head | null)[] = later.length > 0 && opening === null && !question ? later : [opening, ...later];
  return starts.map((start, i) => {
    const next = starts[i + 1];
    const openedAt = i === 0 ? from : clauseStart(tokens, (start as Head).at, from);
    const end = next ? clauseStart(tokens, next.at, from) : to;
    const kind = start ? 'ask' : question || isQuestion(tokens, from, to) ? 'question' : isWish(tokens, from, to) ? 'wish' : 'statement';
    return {
      kind,
      verb: start?.verb.base ?? null,
      sentence,
      from: openedAt,
      to: Math.max(end, openedAt + 1),
      ties: noTies(),
      bare: start !== null && isBare(tokens, start.at, end),
      hidden: 0,
    };
  });
};

const isBare = (tokens: readonly Token[], at: number, to: number): boolean =>
  at + 1 >= to || (at + 2 === to && tokens[at + 1]?.kind === 'comma');

/** Back over "and then" to where the clause of a verb begins. */
const clauseStart = (tokens: readonly Token[], at: number, from: number): number => {
  let start = at;
  while (start > from && is(tokens[start - 1], BETWEEN | OPENERS)) start--;
  return start;
};
