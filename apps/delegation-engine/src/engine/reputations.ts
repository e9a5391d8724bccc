/** What is known of workers, in memory: the scheduler asks for it at each choice, so it is brought up to date beside that, every second. */
import { faded, type Matching, type Standing } from '@mandate/scheduling';
import type { StandingRow } from '../read-model/index.js';

/** Oldest change first. */
export type StandingsBehind = (position: number) => Promise<StandingRow[]>;

export interface ReputationsOptions {
  behind: StandingsBehind;
  halfLifeMs: (tenant: string) => number;
  random: () => number;
}

export class Reputations implements Matching {
  private readonly known = new Map<string, Map<string, Standing>>();
  private position = 0;

  constructor(private readonly options: ReputationsOptions) {}

  standingOf(tenant: string, instance: string, capability: string): Standing | undefined {
    return this.known.get(capabilityKey(tenant, capability))?.get(instance);
  }

  halfLifeMs(tenant: string): number {
    return this.options.halfLifeMs(tenant);
  }

  random(): number {
    return this.options.random();
  }

  /** Of the others, as of when this one was last heard of. */
  peersOf({ tenant, instance, capability, standing }: StandingRow): Standing[] {
    const all = this.known.get(capabilityKey(tenant, capability)) ?? new Map<string, Standing>();
    return [...all].flatMap(([other, of]) => (other === instance ? [] : [faded(of, standing.at, this.halfLifeMs(tenant))]));
  }

  /** Reads what changed since the last time, and resolves to it. */
  async refresh(): Promise<StandingRow[]> {
    const rows = await this.options.behind(this.position);
    for (const { tenant, instance, capability, standing, position } of rows) {
      const key = capabilityKey(tenant, capability);
      const workers = this.known.get(key) ?? new Map<string, Standing>();
      this.known.set(key, workers.set(instance, standing));
      this.position = position;
    }
    return rows;
  }
}

const capabilityKey = (tenant: string, capability: string): string => `${tenant}/${capability}`;
