/** A scenario from a seed. */
import type { DelegationRequest } from '@mandate/contracts';
import { seeded, type Seeded } from '@mandate/testing';
import { guardHappenings } from './guard-scenes.js';
import {
  CAPABILITIES,
  ENGINES,
  NO_HABITS,
  SECOND,
  tenantOf,
  type Happening,
  type PolicyChange,
  type Scenario,
  type WorkerSpec,
} from './scenario.js';

/** Operators go on to change policies for so long once it is calm. */
const OPENED_AFTER_MS = 45 * SECOND;

export const scenarioOf = (seed: number): Scenario => {
  const random = seeded(seed);
  const tenants = ['a', 'b', 'c'].slice(0, random.pick([1, 1, 2, 3]));
  const workers = tenants.flatMap((tenant) =>
    Array.from({ length: random.integer(1, 3) }, (_, n) => workerOf(random, `${tenant}-w${n}`, n)),
  );
  const calmAt = random.integer(20, 80) * SECOND;
  const openAt = calmAt + OPENED_AFTER_MS;
  const busy = random.next() < 0.3;
  const asked = tenants.flatMap((tenant) =>
    Array.from({ length: random.integer(2, busy ? 14 : 7) }, (_, n) =>
      requestOf(random, `${tenant}${n}`, random.integer(0, busy ? 10 * SECOND : openAt)),
    ),
  );
  const happenings: Happening[] = [
    ...tenants.flatMap((tenant) => [
      ...(random.next() < 0.7 ? [weightOf(random, tenant, 0)] : []),
      ...Array.from({ length: random.integer(0, 3) }, () => policyOf(random, tenant, workers, 0)),
      ...Array.from({ length: random.integer(0, 5) }, () => policyOf(random, tenant, workers, random.integer(0, openAt))),
      ...guardHappenings(seed, tenant, CAPABILITIES, openAt),
      ...opened(tenant, workers, openAt),
    ]),
    ...asked,
    ...asked
      .filter(() => random.next() < 0.2)
      .map(({ at, id }) => ({ kind: 'cancel' as const, id, at: at + random.integer(0, 40 * SECOND) })),
    ...Array.from({ length: random.integer(0, 6) }, () => faultOf(random, workers, calmAt)),
  ];
  return {
    seed,
    capacity: random.pick([null, null, random.integer(1, 3), random.integer(3, 8)]),
    workers,
    habits:
      random.next() < 0.3
        ? NO_HABITS
        : { asks: random.pick([0, 0.1, 0.4]), delegates: random.pick([0, 0.15, 0.4]), difficult: random.pick([0.2, 0.6]) },
    happenings,
    noise: random.pick([0, 0, 0.02, 0.1, 0.3]),
    calmAt,
  };
};

/** Whatever was paused ends: what then does not end is stuck. */
const opened = (tenant: string, workers: readonly WorkerSpec[], at: number): Happening[] => {
  const policy = (change: PolicyChange): Happening => ({ at, kind: 'policy', tenant, change });
  return [
    policy({ type: 'resume', kind: 'tenant', name: '' }),
    ...CAPABILITIES.map((name) => policy({ type: 'resume', kind: 'capability', name })),
    ...workers
      .filter(({ instance }) => tenantOf(instance) === tenant)
      .flatMap(({ instance }) => [
        policy({ type: 'mode-worker', instance, mode: 'active' }),
        policy({ type: 'resume', kind: 'agent', name: instance }),
      ]),
  ];
};

const workerOf = (random: Seeded, instance: string, n: number): WorkerSpec => {
  const can = n === 0 ? CAPABILITIES : CAPABILITIES.filter(() => random.next() < 0.7);
  const capability = (): WorkerSpec['capabilities'][string] => ({
    concurrency: random.integer(1, 3),
    effects: random.pick(['none', 'idempotent', 'idempotent', 'at-most-once']),
  });
  return { instance, capabilities: Object.fromEntries(can.map((name) => [name, capability()])), stubborn: random.next() < 0.2 };
};

const requestOf = (random: Seeded, id: string, at: number): Extract<Happening, { kind: 'request' }> => {
  const ids = ['a', 'b', 'c', 'd'].slice(0, random.integer(1, 4));
  const steps = ids.map((step, i) => ({
    id: step,
    capability: random.pick(CAPABILITIES),
    dependsOn: ids.slice(0, i).filter(() => random.next() < 0.3),
    timeout: random.pick(['PT20S', 'PT2M']),
    maxAttempts: random.integer(1, 4),
    ...(random.next() < 0.35 ? { irreversible: true } : {}),
    ...(random.next() < 0.25 ? { compensate: { capability: random.pick(CAPABILITIES) } } : {}),
  }));
  const request: DelegationRequest = {
    goal: 'g',
    steps,
    priority: random.pick([0, 4, 4, 9]),
    approval: random.pick(['never', 'irreversible', 'irreversible', 'plan']),
    approvalTimeout: random.pick(['PT15S', 'PT1M']),
    budget: {
      deadline: random.pick(['PT30S', 'PT4M', 'PT4M']),
      depth: random.pick([0, 1, 3]),
      ...(random.next() < 0.5 ? { steps: steps.length + random.integer(0, 6) } : {}),
      ...(random.next() < 0.2 ? { tokens: random.integer(10, 60) } : {}),
    },
    ...(random.next() < 0.4 ? { concurrencyKey: random.pick(['k1', 'k2']) } : {}),
    ...(random.next() < 0.15 ? { delay: random.pick(['PT2S', 'PT20S']) } : {}),
  };
  return { at, kind: 'request', id, request };
};

const weightOf = (random: Seeded, tenant: string, at: number): Happening => ({
  at,
  kind: 'policy',
  tenant,
  change: { type: 'set-weight', weight: random.pick([1, 1, 2, 4]) },
});

const policyOf = (random: Seeded, tenant: string, workers: readonly WorkerSpec[], at: number): Happening => {
  const name = random.pick(CAPABILITIES);
  const { instance } = random.pick(workers.filter((worker) => tenantOf(worker.instance) === tenant));
  const changes: PolicyChange[] = [
    { type: 'set-limit', kind: 'capability', name, max: random.integer(1, 3) },
    { type: 'set-limit', kind: 'tenant', name: '', max: random.integer(1, 4) },
    { type: 'set-limit', kind: 'key', name: '*', max: 1 },
    { type: 'set-limit', kind: 'worker', name: instance, max: 1 },
    { type: 'remove-limit', kind: 'capability', name },
    { type: 'remove-limit', kind: 'tenant', name: '' },
    { type: 'set-rate', kind: 'capability', name, burst: random.integer(1, 3), perSecond: 0.5 },
    { type: 'set-rate', kind: 'key', name: 'k1', burst: 1, perSecond: 0.25 },
    { type: 'remove-rate', kind: 'capability', name },
    { type: 'pause', kind: 'capability', name },
    { type: 'resume', kind: 'capability', name },
    { type: 'pause', kind: 'tenant', name: '' },
    { type: 'resume', kind: 'tenant', name: '' },
    { type: 'pause', kind: 'agent', name: instance },
    { type: 'mode-worker', instance, mode: random.pick(['draining', 'quarantined', 'active']) },
    { type: 'set-weight', weight: random.pick([1, 2, 4]) },
  ];
  return { at, kind: 'policy', tenant, change: random.pick(changes) };
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
