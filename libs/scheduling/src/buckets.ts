/** Rate limits as token buckets (burst and refill), computed when looked at: no timer, no drift. */
import type { Rate } from './policy.js';

interface Bucket {
  tokens: number;
  at: number;
}

export class Buckets {
  private readonly buckets = new Map<string, Bucket>();

  /** `emptyAt`: buckets that are not known yet count as empty then, so that a scheduler that takes over never grants a second burst. */
  constructor(private readonly emptyAt: number | null = null) {}

  /** When the next dispatch may be, in milliseconds; `now` when there is a token. */
  readyAt(name: string, rate: Rate, now: number): number {
    const { tokens } = this.look(name, rate, now);
    return tokens >= 1 ? now : now + Math.ceil(((1 - tokens) / rate.perSecond) * 1_000);
  }

  take(name: string, rate: Rate, now: number): void {
    const { tokens } = this.look(name, rate, now);
    this.buckets.set(name, { tokens: tokens - 1, at: now });
  }

  /** Full buckets say nothing: they are forgotten. */
  sweep(rates: Readonly<Record<string, Rate>>, prefix: string, now: number): void {
    for (const name of this.buckets.keys()) {
      if (!name.startsWith(prefix)) continue;
      const own = name.slice(prefix.length);
      const rate = rates[own] ?? rates[`${own.slice(0, own.indexOf(':'))}:*`];
      if (!rate || (this.emptyAt === null && this.look(name, rate, now).tokens >= rate.burst)) this.buckets.delete(name);
    }
  }

  private look(name: string, rate: Rate, now: number): Bucket {
    const known = this.buckets.get(name);
    const from = known ?? (this.emptyAt === null ? { tokens: rate.burst, at: now } : { tokens: 0, at: this.emptyAt });
    const refilled = from.tokens + (Math.max(0, now - from.at) / 1_000) * rate.perSecond;
    return { tokens: Math.min(rate.burst, refilled), at: now };
  }
}
