/** The least of a scenario that still breaks the same rule: whatever can be left out is left out. */
import type { Violation } from './invariants.js';
import type { Scenario } from './scenario.js';
import { simulate, type Sabotage } from './world.js';

export const shrink = (scenario: Scenario, { invariant }: Violation, sabotage: Sabotage | null = null): Scenario => {
  const breaks = (candidate: Scenario): boolean => simulate(candidate, { sabotage }).violation?.invariant === invariant;
  let least = scenario;
  for (const noise of [0, 0.02]) if (noise < least.noise && breaks({ ...least, noise })) least = { ...least, noise };
  for (let size = Math.ceil(least.happenings.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let from = 0; from < least.happenings.length;) {
      const { happenings } = least;
      const without = { ...least, happenings: [...happenings.slice(0, from), ...happenings.slice(from + size)] };
      if (breaks(without)) least = without;
      else from += size;
    }
  return least;
};
