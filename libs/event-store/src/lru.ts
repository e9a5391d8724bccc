/** A map that forgets what was used longest ago. */
export class LruMap<K, V> {
  private readonly entries = new Map<K, V>();

  constructor(private readonly limit: number) {}

  get(key: K): V | undefined {
    const value = this.entries.get(key);
    if (value !== undefined) {
      this.entries.delete(key);
      this.entries.set(key, value);
    }
    return value;
  }

  set(key: K, value: V): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > this.limit) this.entries.delete(this.entries.keys().next().value as K);
  }

  /** Forgets every entry that does not fit. */
  keep(fits: (value: V) => boolean): void {
    for (const [key, value] of this.entries) if (!fits(value)) this.entries.delete(key);
  }

  delete(key: K): void {
    this.entries.delete(key);
  }
}
