/** Messages between nodes: late, doubled, lost, and cut off. Chance is drawn by the message's name, so that leaving one out changes no other. */
import { SECOND, type Scenario } from './scenario.js';
import type { Timeline } from './timeline.js';

/** In [0, 1): FNV-1a, mixed. */
export const chance = (seed: number, name: string): number => {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), hash | 1);
  hash ^= hash + Math.imul(hash ^ (hash >>> 7), hash | 61);
  return ((hash ^ (hash >>> 14)) >>> 0) / 2 ** 32;
};

export class Network {
  private readonly cuts = new Map<string, number>();
  /** One connection keeps its order; different ones overtake each other. */
  private readonly lastArrival = new Map<string, number>();
  private readonly sent = new Map<string, number>();

  constructor(
    private readonly timeline: Timeline,
    private readonly scenario: Scenario,
    private readonly startedAt: number,
  ) {}

  cut(who: string, other: string, forMs: number): void {
    this.cuts.set(pair(who, other), this.timeline.now + forMs);
  }

  isCut(who: string, other: string): boolean {
    return this.cuts.size > 0 && (this.cuts.get(pair(who, other)) ?? 0) > this.timeline.now;
  }

  draw(name: string): number {
    return chance(this.scenario.seed, name);
  }

  /** 0 once it is calm. */
  get noise(): number {
    return this.timeline.now < this.startedAt + this.scenario.calmAt ? this.scenario.noise : 0;
  }

  latency(name: string): number {
    const isLate = this.happens(`late ${name}`, this.noise);
    return 1 + Math.floor(this.draw(`latency ${name}`) * 4) + (isLate ? this.draw(`delay ${name}`) * 2 * SECOND : 0);
  }

  private happens(name: string, share: number): boolean {
    return share > 0 && this.draw(name) < share;
  }

  /** Core NATS: what is cut off or lost is lost. */
  send(from: string, to: string, name: string, deliver: () => void): void {
    const line = `${from}>${to}`;
    const nth = this.sent.get(name + line) ?? 0;
    this.sent.set(name + line, nth + 1);
    const unique = `${name} ${line} ${nth}`;
    if (this.isCut(from, to) || this.isCut(from, 'bus') || this.isCut(to, 'bus') || this.happens(`lost ${unique}`, this.noise / 2)) return;
    const at = Math.max(this.lastArrival.get(line) ?? 0, this.timeline.now + this.latency(unique));
    this.lastArrival.set(line, at);
    this.timeline.at(at, deliver);
    if (this.happens(`twice ${unique}`, this.noise)) this.timeline.at(at, deliver);
  }
}

const pair = (a: string, b: string): string => (a < b ? `${a} | ${b}` : `${b} | ${a}`);
