/** Breakers that open easily and small retry budgets, in some of the scenarios. Drawn apart, so that what else happens is the same with and without them. */
import { seeded, type Seeded } from '@mandate/testing';
import type { Happening, PolicyChange } from './scenario.js';

const SALT = 0x9e37_79b9;
/** Opens of one failure in three attempts, and not for long. */
const TOUCHY = { failurePercent: 30, volume: 3, windowMs: 30_000, openMs: 3_000 };

export const guardHappenings = (seed: number, tenant: string, capabilities: readonly string[], endsAt: number): Happening[] => {
  const random = seeded(seed + SALT * tenant.charCodeAt(0));
  const changed = Array.from({ length: random.pick([0, 0, 1, 2, 4]) }, (_, n) =>
    guardOf(random, tenant, random.pick(capabilities), n === 0 ? 0 : random.integer(0, endsAt)),
  );
  // What is held up in the end is stuck.
  const undone = capabilities.flatMap((capability): PolicyChange[] => [
    { type: 'close-breaker', kind: 'capability', name: capability, capability, cause: 'operator' },
    { type: 'remove-retry-budget', capability },
  ]);
  const inTheEnd: PolicyChange[] = changed.length > 0 ? [...undone, { type: 'remove-retry-budget', capability: '*' }] : [];
  return [...changed, ...inTheEnd.map((change): Happening => ({ at: endsAt, kind: 'policy', tenant, change }))];
};

const guardOf = (random: Seeded, tenant: string, capability: string, at: number): Happening => {
  const changes: PolicyChange[] = [
    { type: 'set-breaker', kind: random.pick(['capability', 'worker']), name: '*', ...TOUCHY, probes: random.integer(1, 2) },
    {
      type: 'set-retry-budget',
      capability: random.pick([capability, '*']),
      percent: random.pick([0, 10]),
      perMinute: random.integer(0, 2),
    },
    { type: 'open-breaker', kind: 'capability', name: capability, capability },
  ];
  return { at, kind: 'policy', tenant, change: random.pick(changes) };
};
