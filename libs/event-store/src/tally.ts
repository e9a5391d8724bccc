/** What is counted until it is written: pure, and bounded whatever a flood brings. */

export interface Counted {
  count: number;
  /** Milliseconds. */
  first: number;
  last: number;
}

export interface TallyRules<E extends Counted> {
  /** Entries with one key are told as one. */
  keyOf(entry: E): string;
  /** When there are too many to tell each apart: as one of its kind, of which there are few. */
  ofKind(entry: E): E;
  /** When there are even too many kinds: as one of all. */
  ofAll(entry: E): E;
  /** What two entries that are told as one say beside `Counted`; default: what the earlier one says. */
  joined?(earlier: E, later: E): E;
}

export class Tally<E extends Counted> {
  private counted = new Map<string, E>();

  /** `room`: for how many entries by themselves; their kinds may be as many again. */
  constructor(
    private readonly rules: TallyRules<E>,
    private readonly room = 256,
  ) {}

  get isEmpty(): boolean {
    return this.counted.size === 0;
  }

  add(entry: E): void {
    const { ofKind, ofAll } = this.rules;
    if (this.has(entry) || this.counted.size < this.room) return this.put(entry);
    const kind = ofKind(entry);
    this.put(this.has(kind) || this.counted.size < 2 * this.room ? kind : ofAll(entry));
  }

  /** Everything, as at most `limit` counts, the most frequent by themselves. The tally is empty then. */
  take(limit: number): E[] {
    const all = [...this.counted.values()].sort((a, b) => b.count - a.count || a.first - b.first);
    this.counted = new Map();
    if (all.length <= limit) return all;
    const { ofKind, ofAll } = this.rules;
    const apart = Math.floor(limit / 2);
    const rest = new Tally(this.rules, this.room);
    for (const entry of all.slice(apart)) rest.add(ofKind(entry));
    const kinds = rest.take(Infinity);
    if (kinds.length <= limit - apart) return [...all.slice(0, apart), ...kinds];
    const sum = kinds
      .slice(limit - apart - 1)
      .map(ofAll)
      .reduce((a, b) => this.joined(a, b));
    return [...all.slice(0, apart), ...kinds.slice(0, limit - apart - 1), sum];
  }

  /** What could not be written counts on. */
  restore(entries: readonly E[]): void {
    for (const entry of entries) this.add(entry);
  }

  private has(entry: E): boolean {
    return this.counted.has(this.rules.keyOf(entry));
  }

  private put(entry: E): void {
    const key = this.rules.keyOf(entry);
    const known = this.counted.get(key);
    this.counted.set(key, known ? this.joined(known, entry) : entry);
  }

  private joined(a: E, b: E): E {
    const [earlier, later] = a.first <= b.first ? [a, b] : [b, a];
    return {
      ...(this.rules.joined?.(earlier, later) ?? earlier),
      count: a.count + b.count,
      first: earlier.first,
      last: Math.max(a.last, b.last),
    };
  }
}

/** Who and what of entries that are too many to be told apart; their tenant, then, is the default one. */
export const MANY = '*';
export const MANY_TENANT = 'default';
