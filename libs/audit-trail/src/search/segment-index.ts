import { encodePostings, firstOf } from './postings.js';
import { eachField, eachText, wordsIn, type Searchable } from './terms.js';

export interface TermPostings {
  tenant: string;
  term: string;
  positions: Uint8Array;
}

export interface LoggedSearchable extends Searchable {
  position: number;
  tenant: string;
  id: string;
}

/** Collects the index of one segment from its events, in the order of their positions; what lies outside of it is no part of it. */
export class SegmentIndex {
  private readonly first: number;
  private readonly tenants = new Map<string, TenantTerms>();

  constructor(segment: number) {
    this.first = firstOf(segment);
  }

  add(event: LoggedSearchable): void {
    let tenant = this.tenants.get(event.tenant);
    if (!tenant) this.tenants.set(event.tenant, (tenant = new TenantTerms()));
    tenant.add(event.position - this.first, event);
  }

  /** In the order of its keys. */
  terms(): TermPostings[] {
    return [...this.tenants]
      .flatMap(([tenant, terms]) => terms.all().map(({ term, offsets }) => ({ tenant, term, positions: encodePostings(offsets) })))
      .sort((a, b) => compare(a.tenant, b.tenant) || compare(a.term, b.term));
  }
}

interface Term {
  term: string;
  offsets: number[];
  /** The last one. */
  offset: number;
}

/** Texts come again and again within a segment: what each leads to is kept, so that an event is a few look-ups. */
const KEPT_TEXTS = 4_096;
const LONGEST_KEPT = 64;

class TenantTerms {
  private readonly fields = new Map<string, Map<string, Term>>();
  private readonly words = new Map<string, Term>();
  private readonly texts = new Map<string, readonly Term[]>();
  private offset = 0;
  private count = 0;

  add(offset: number, event: Searchable): void {
    this.offset = offset;
    this.count = 0;
    eachField(event, this.addField);
    eachText(event, this.addText);
  }

  all(): Term[] {
    return [...[...this.fields.values()].flatMap((terms) => [...terms.values()]), ...this.words.values()];
  }

  private readonly addField = (kind: string, text: string): void => {
    let terms = this.fields.get(kind);
    if (!terms) this.fields.set(kind, (terms = new Map<string, Term>()));
    this.mark(termIn(terms, kind, text));
  };

  private readonly addText = (text: string): number => {
    for (const term of this.texts.get(text) ?? this.termsOf(text)) if (this.mark(term)) this.count++;
    return this.count;
  };

  private termsOf(text: string): readonly Term[] {
    const terms = wordsIn(text).map((word) => termIn(this.words, 'w', word));
    if (terms.length > 0 && text.length <= LONGEST_KEPT && this.texts.size < KEPT_TEXTS) this.texts.set(text, terms);
    return terms;
  }

  /** False: the event has it already. */
  private mark(term: Term): boolean {
    if (term.offset === this.offset) return false;
    term.offset = this.offset;
    term.offsets.push(this.offset);
    return true;
  }
}

const termIn = (terms: Map<string, Term>, kind: string, text: string): Term => {
  let term = terms.get(text);
  if (!term) terms.set(text, (term = { term: `${kind}:${text}`, offsets: [], offset: -1 }));
  return term;
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
