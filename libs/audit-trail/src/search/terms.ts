/** By which words an event is found. A term is a letter for its kind, a colon, and the word; terms of different kinds never meet. */
import type { AuditEventView } from '@mandate/contracts';
import { AUDIT_AGGREGATE } from '../events.js';
import { isUlid, type JsonObject, type JsonValue } from '@mandate/kernel';

/** An event brings at most so many words of its data; what comes behind them is found by everything else. */
const MAX_WORDS = 64;
const MAX_WORD_LENGTH = 40;

/** All terms of the search; whoever asks for several gets the events that have all of them. */
export interface SearchFilter {
  actor?: string;
  onBehalfOf?: string;
  /** An event type. */
  action?: string;
  /** `<type>/<id>` of what was looked at. */
  concerned?: string;
  /** Aggregate type. */
  resourceType?: string;
  outcome?: string;
  trace?: string;
  /** Plain words. */
  q?: string;
}

/** What of an event it is found by. References in the place of personal fields make no difference. */
export type Searchable = Pick<AuditEventView, 'actor' | 'action' | 'outcome' | 'traceId' | 'reason' | 'where' | 'data'> & {
  resource: { type: string };
};

export const termsOf = (event: Searchable): ReadonlySet<string> => {
  const terms = fieldTerms(event);
  for (const word of wordsOf(event)) terms.add(`w:${word}`);
  return terms;
};

/** What an event is found by beside its words: the letter of the kind, and the text. */
export const eachField = (event: Searchable, visit: (kind: string, text: string) => void): void => {
  const { actor, action, resource, outcome, traceId } = event;
  visit('a', actor.id);
  visit('t', action);
  visit('r', resource.type);
  visit('o', outcome);
  if (actor.onBehalfOf) for (const principal of actor.onBehalfOf) visit('b', principal);
  if (traceId !== undefined) visit('x', traceId);
  for (const concerned of concernedBy(event)) visit('c', concerned);
};

/** `<type>/<id>` of what an event of the audit trail itself says was looked at: it stands in another stream than that. */
export const concernedBy = ({ resource, data }: Pick<Searchable, 'resource' | 'data'>): readonly string[] => {
  if (resource.type !== AUDIT_AGGREGATE) return NONE;
  const { resource: one, resources: several } = data;
  if (typeof one === 'string') return [one];
  return Array.isArray(several) ? several.filter((name) => typeof name === 'string') : NONE;
};

const NONE: readonly string[] = [];

/** The texts whose words an event is found by. `visit` takes one and answers how many words the event has by now: it is left at enough of them. */
export const eachText = ({ action, reason, where, data }: Searchable, visit: (text: string) => number): void => {
  visit(action);
  if (reason !== undefined) visit(reason);
  visit(where.service);
  if (visit(where.instance) < MAX_WORDS) hadEnough(data, visit);
};

const hadEnough = (value: JsonValue, visit: (text: string) => number): boolean => {
  if (typeof value === 'string') return visit(value) >= MAX_WORDS;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some((member) => hadEnough(member, visit));
  for (const name in value) {
    const member = (value as JsonObject)[name];
    if (name !== '$ref' && member !== undefined && hadEnough(member, visit)) return true;
  }
  return false;
};

const fieldTerms = (event: Searchable): Set<string> => {
  const terms = new Set<string>();
  eachField(event, (kind, text) => terms.add(`${kind}:${text}`));
  return terms;
};

const wordsOf = (event: Searchable): Set<string> => {
  const words = new Set<string>();
  eachText(event, (text) => {
    for (const word of wordsIn(text)) words.add(word);
    return words.size;
  });
  return words;
};

/** Each group names alternatives; an event must have one of each. `typesOf`: the types that an action may stand for. */
export const termGroups = (filter: SearchFilter, typesOf: (action: string) => readonly string[]): string[][] => {
  const { actor, onBehalfOf, action, concerned, resourceType, outcome, trace, q } = filter;
  const single = [
    trace === undefined ? null : `x:${trace}`,
    concerned === undefined ? null : `c:${concerned}`,
    actor === undefined ? null : `a:${actor}`,
    onBehalfOf === undefined ? null : `b:${onBehalfOf}`,
    outcome === undefined ? null : `o:${outcome}`,
    resourceType === undefined ? null : `r:${resourceType}`,
    ...wordsIn(q ?? '').map((word) => `w:${word}`),
  ];
  const groups = single.flatMap((term) => (term === null ? [] : [[term]]));
  return action === undefined ? groups : [...groups, typesOf(action).map((type) => `t:${type}`)];
};

export const hasTerms = (event: Searchable, groups: readonly (readonly string[])[]): boolean => {
  const fields = fieldTerms(event);
  // Words are looked for last: taking a record apart costs more than all the rest.
  if (!groups.every((group) => isOfWords(group) || group.some((term) => fields.has(term)))) return false;
  const asked = groups.filter(isOfWords);
  if (asked.length === 0) return true;
  const words = wordsOf(event);
  return asked.every((group) => group.some((term) => words.has(term.slice(2))));
};

const isOfWords = (group: readonly string[]): boolean => group[0]?.startsWith('w:') ?? false;

/** Most texts of the log come again and again: step ids, capabilities, workers, codes. */
const known = new Map<string, readonly string[]>();
const KNOWN_TEXTS = 4_096;
const LONGEST_KNOWN = 64;

/** In lower case. Ids, digests, long numbers and times are no words: each would be a term of its own. */
export const wordsIn = (text: string): readonly string[] => {
  if (isUlid(text) || TIME.test(text)) return NO_WORDS;
  const remembered = known.get(text);
  if (remembered) return remembered;
  const words = splitWords(text);
  if (text.length <= LONGEST_KNOWN) {
    if (known.size >= KNOWN_TEXTS) known.clear();
    known.set(text, words);
  }
  return words;
};

const NO_WORDS: readonly string[] = [];
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

const splitWords = (text: string): string[] => {
  const words: string[] = [];
  for (const part of text.split(/[^\p{L}\p{N}]+/u)) {
    if (part === '' || part.length > MAX_WORD_LENGTH || isUlid(part) || /^(\d{7,}|[0-9a-f]{16,})$/.test(part)) continue;
    words.push(part.toLowerCase());
  }
  return words;
};
