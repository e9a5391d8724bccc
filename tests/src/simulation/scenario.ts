/** What happens in one run: who is there, what is asked for, and what goes wrong. Plain data, so that it can be shrunk. */
import type { DelegationRequest, Effects } from '@mandate/contracts';
import type { PolicyCommand } from '@mandate/scheduling';

export const SECOND = 1_000;
export const T0 = Date.parse('2026-01-05T09:00:00.000Z');
export const CAPABILITIES = ['search', 'write'] as const;
/** As planning sees the capabilities. */
export const AGENTS = CAPABILITIES.map((capability) => ({ capability, description: capability }));
export const ENGINES = ['e0', 'e1'] as const;

/** The first letter of a delegation's or worker's id is its tenant. */
export const tenantOf = (id: string): string => id.charAt(0);

export interface WorkerSpec {
  instance: string;
  capabilities: Record<string, { concurrency: number; effects: Effects }>;
  /** Goes on with what is canceled or lost. */
  stubborn: boolean;
}

/** How often workers and people do what they need not do, 0 to 1. */
export interface Habits {
  /** Attempts that end with a question. */
  asks: number;
  /** Attempts that delegate further. */
  delegates: number;
  /** People who say nothing, say it late or twice, deny, or are not the right ones. */
  difficult: number;
}

export const NO_HABITS: Habits = { asks: 0, delegates: 0, difficult: 0 };

/** A change to a policy without who made it and when. */
export type PolicyChange = PolicyCommand extends infer Command
  ? Command extends unknown
    ? Omit<Command, 'by' | 'reason' | 'now'>
    : never
  : never;

/** Times in milliseconds from the start. */
export type Happening = { at: number } & (
  | { kind: 'request'; id: string; request: DelegationRequest }
  | { kind: 'cancel'; id: string }
  | { kind: 'policy'; tenant: string; change: PolicyChange }
  | { kind: 'crash'; who: string; forMs: number }
  /** `other`: `database`, `bus`, or another node. */
  | { kind: 'cut'; who: string; other: string; forMs: number }
);

export interface Scenario {
  seed: number;
  /** Steps at workers at once, of all tenants; null: no limit. */
  capacity: number | null;
  workers: WorkerSpec[];
  habits: Habits;
  happenings: Happening[];
  /** How bad the network is while things go wrong, 0 to 1: lost, late and doubled messages. */
  noise: number;
  /** Nothing goes wrong from here on: what takes time then is the system's own doing. */
  calmAt: number;
}
