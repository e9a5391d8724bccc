/** The least of a scenario that still breaks the same rule: whatever can be left out, or be made plainer, is. */
import type { DelegationRequest } from '@mandate/contracts';
import type { Violation } from './invariants.js';
import type { Habits, Happening, Scenario } from './scenario.js';
import type { Sabotage } from './sabotage.js';
import { simulate } from './world.js';

type Breaks = (candidate: Scenario) => boolean;

export const shrink = (scenario: Scenario, { invariant }: Violation, sabotage: Sabotage | null = null): Scenario => {
  const breaks: Breaks = (candidate) => simulate(candidate, { sabotage }).violation?.invariant === invariant;
  const first = (least: Scenario, candidates: readonly Scenario[]): Scenario => candidates.find(breaks) ?? least;
  let least = scenario;
  for (const noise of [0, 0.02]) if (noise < least.noise) least = first(least, [{ ...least, noise }]);
  for (const habit of Object.keys(least.habits) as (keyof Habits)[])
    if (least.habits[habit] > 0) least = first(least, [{ ...least, habits: { ...least.habits, [habit]: 0 } }]);
  least = withoutHappenings(least, breaks);
  for (const { instance } of scenario.workers)
    if (least.workers.length > 1)
      least = first(least, [{ ...least, workers: least.workers.filter((worker) => worker.instance !== instance) }]);
  if (least.capacity !== null) least = first(least, [{ ...least, capacity: null }]);
  for (let i = 0; i < least.happenings.length; i++) least = plainer(least, i, breaks);
  return withoutHappenings(least, breaks);
};

/** In halves, quarters, and at last one by one. */
const withoutHappenings = (scenario: Scenario, breaks: Breaks): Scenario => {
  let least = scenario;
  for (let size = Math.ceil(least.happenings.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let from = 0; from < least.happenings.length;) {
      const { happenings } = least;
      const without = { ...least, happenings: [...happenings.slice(0, from), ...happenings.slice(from + size)] };
      if (breaks(without)) least = without;
      else from += size;
    }
  return least;
};

/** A request without what it does not need to break the rule. */
const plainer = (scenario: Scenario, i: number, breaks: Breaks): Scenario => {
  let least = scenario;
  for (const simplify of SIMPLER) {
    const happening = least.happenings[i] as Happening;
    if (happening.kind !== 'request') return least;
    for (const request of simplify(happening.request)) {
      const candidate = { ...least, happenings: least.happenings.with(i, { ...happening, request }) };
      if (!breaks(candidate)) continue;
      least = candidate;
      break;
    }
  }
  return least;
};

const SIMPLER: ((request: DelegationRequest) => DelegationRequest[])[] = [
  ...['a', 'b', 'c', 'd'].map((id) => (request: DelegationRequest) => withoutStep(request, id)),
  (request) => [{ ...request, approval: 'never' }],
  ({ concurrencyKey: _, ...request }) => [request],
  ({ delay: _, ...request }) => [request],
  (request) => [{ ...request, steps: request.steps?.map(({ compensate: _, ...step }) => step) ?? [] }],
  (request) => [{ ...request, steps: request.steps?.map(({ irreversible: _, ...step }) => step) ?? [] }],
];

const withoutStep = (request: DelegationRequest, id: string): DelegationRequest[] => {
  const steps = (request.steps ?? []).filter((step) => step.id !== id);
  if (steps.length === 0 || steps.length === request.steps?.length) return [];
  return [{ ...request, steps: steps.map((step) => ({ ...step, dependsOn: (step.dependsOn ?? []).filter((other) => other !== id) })) }];
};
