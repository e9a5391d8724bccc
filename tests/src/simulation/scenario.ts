/** What happens in one run: who is there, what is asked for, and what goes wrong. Made from a seed; plain data, so that it can be shrunk. */
import type { DelegationRequest, Effects } from '@mandate/contracts';
import type { PolicyCommand } from '@mandate/scheduling';
import { seeded, type Seeded } from '@mandate/testing';
import { guardHappenings } from './guard-scenario.js';

export const SECOND = 1_000;
export const CAPABILITIES = ['search', 'write'] as const;
/** As planning sees the capabilities. */
export const AGENTS = CAPABILITIES.map((capability) => ({ capability, description: capability }));
export const ENGINES = ['e0', 'e1'] as const;
export const TENANT = 't';

export interface WorkerSpec {
  instance: string;
  capabilities: Record<string, { concurrency: number; effects: Effects }>;
  /** Goes on with what is canceled or lost. */
  stubborn: boolean;
}

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
  | { kind: 'policy'; change: PolicyChange }
  | { kind: 'crash'; who: string; forMs: number }
  /** `other`: `database`, `bus`, or another node. */
  | { kind: 'cut'; who: string; other: string; forMs: number }
);

export interface Scenario {
  seed: number;
  workers: WorkerSpec[];
  happenings: Happening[];
  /** How bad the network is while things go wrong, 0 to 1: lost, late and doubled messages. */
  noise: number;
  /** Nothing goes wrong from here on. */
  calmAt: number;
}

export const scenarioOf = (seed: number): Scenario => {
  const random = seeded(seed);
  const workers = Array.from({ length: random.integer(1, 4) }, (_, n) => workerOf(random, n));
  const calmAt = random.integer(20, 90) * SECOND;
  const asked = Array.from({ length: random.integer(2, 12) }, (_, n) => requestOf(random, n, calmAt));
  const canceled = asked
    .filter(() => random.next() < 0.2)
    .map(({ at, id }) => ({ kind: 'cancel' as const, id, at: at + random.integer(0, 30 * SECOND) }));
  const happenings: Happening[] = [
    ...Array.from({ length: random.integer(0, 3) }, () => policyOf(random, 0)),
    ...Array.from({ length: random.integer(0, 4) }, () => policyOf(random, random.integer(0, calmAt))),
    ...asked,
    ...canceled,
    ...Array.from({ length: random.integer(0, 5) }, () => faultOf(random, workers, calmAt)),
    ...guardHappenings(seed, CAPABILITIES, calmAt),
    // Whatever was paused or limited to nothing ends with the faults: what then does not end is stuck.
    { at: calmAt, kind: 'policy', change: { type: 'resume', kind: 'tenant', name: '' } },
    ...CAPABILITIES.map((name): Happening => ({ at: calmAt, kind: 'policy', change: { type: 'resume', kind: 'capability', name } })),
    ...workers.map(({ instance }): Happening => ({
      at: calmAt,
      kind: 'policy',
      change: { type: 'mode-worker', instance, mode: 'active' },
    })),
  ];
  return { seed, workers, happenings, noise: random.pick([0, 0, 0.02, 0.1, 0.3]), calmAt };
};

const workerOf = (random: Seeded, n: number): WorkerSpec => {
  const can = n === 0 ? CAPABILITIES : CAPABILITIES.filter(() => random.next() < 0.7);
  const capability = (): WorkerSpec['capabilities'][string] => ({
    concurrency: random.integer(1, 3),
    effects: random.pick(['none', 'idempotent', 'idempotent', 'at-most-once']),
  });
  return { instance: `w${n}`, capabilities: Object.fromEntries(can.map((name) => [name, capability()])), stubborn: random.next() < 0.2 };
};

const requestOf = (random: Seeded, n: number, calmAt: number): Extract<Happening, { kind: 'request' }> => {
  const ids = ['a', 'b', 'c', 'd'].slice(0, random.integer(1, 4));
  const steps = ids.map((id, i) => ({
    id,
    capability: random.pick(CAPABILITIES),
    dependsOn: ids.slice(0, i).filter(() => random.next() < 0.3),
    timeout: random.pick(['PT20S', 'PT5M']),
    maxAttempts: random.integer(1, 4),
  }));
  return {
    at: random.integer(0, calmAt),
    kind: 'request',
    id: `d${n}`,
    request: {
      goal: 'g',
      steps,
      priority: random.pick([0, 4, 4, 9]),
      budget: { deadline: random.pick(['PT30S', 'PT10M', 'PT10M']) },
      ...(random.next() < 0.4 ? { concurrencyKey: random.pick(['k1', 'k2']) } : {}),
    },
  };
};

const policyOf = (random: Seeded, at: number): Happening => {
  const capability = random.pick(CAPABILITIES);
  const changes: PolicyChange[] = [
    { type: 'set-limit', kind: 'capability', name: capability, max: random.integer(1, 3) },
    { type: 'set-limit', kind: 'tenant', name: '', max: random.integer(1, 4) },
    { type: 'set-limit', kind: 'key', name: '*', max: 1 },
    { type: 'set-limit', kind: 'worker', name: 'w0', max: 1 },
    { type: 'remove-limit', kind: 'capability', name: capability },
    { type: 'set-rate', kind: 'capability', name: capability, burst: random.integer(1, 3), perSecond: 0.5 },
    { type: 'pause', kind: 'capability', name: capability },
    { type: 'pause', kind: 'tenant', name: '' },
    { type: 'resume', kind: 'tenant', name: '' },
    { type: 'mode-worker', instance: 'w0', mode: random.pick(['draining', 'quarantined', 'active']) },
  ];
  return { at, kind: 'policy', change: random.pick(changes) };
};

const faultOf = (random: Seeded, workers: readonly WorkerSpec[], calmAt: number): Happening => {
  const worker = random.pick(workers).instance;
  const engine = random.pick(ENGINES);
  const at = random.integer(0, calmAt - 10 * SECOND);
  const forMs = random.integer(500, 9 * SECOND);
  return random.pick<Happening>([
    { at, kind: 'crash', who: worker, forMs: random.integer(200, 20 * SECOND) },
    { at, kind: 'crash', who: engine, forMs },
    { at, kind: 'cut', who: engine, other: 'database', forMs },
    { at, kind: 'cut', who: engine, other: 'bus', forMs },
    { at, kind: 'cut', who: worker, other: 'bus', forMs: random.integer(500, 25 * SECOND) },
    { at, kind: 'cut', who: 'e0', other: 'e1', forMs },
  ]);
};
