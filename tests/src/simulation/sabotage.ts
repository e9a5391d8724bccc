import { NO_GUARDS, type Policy } from '@mandate/scheduling';

/** A rule that is broken on purpose, to see that its invariant notices. */
export type Sabotage =
  | 'no-limits'
  | 'no-rates'
  | 'no-pauses'
  | 'no-quarantine'
  | 'quarantine-once'
  | 'no-weights'
  | 'lone-queues'
  | 'half-rounds'
  | 'forgets-news'
  | 'leak'
  | 'last-first'
  | 'readmits'
  | 'busy-wakes'
  | 'begins-early'
  | 'any-question'
  | 'no-breakers'
  | 'no-budgets'
  | 'two-writers'
  | 'deaf-to-cancel'
  | 'slow-to-cancel'
  | 'old-epochs'
  | 'no-wakes'
  | 'too-early'
  | 'any-digest'
  | 'rich-parents'
  | 'orphans'
  | 'undo-forwards';

/** The policy as a scheduler sees it that ignores a part of it. */
export const sabotaged = (policy: Policy, sabotage: Sabotage | null): Policy => {
  switch (sabotage) {
    case 'no-limits':
      return { ...policy, limits: {} };
    case 'no-rates':
      return { ...policy, rates: {} };
    case 'no-pauses':
      return { ...policy, paused: {} };
    case 'no-quarantine':
      return { ...policy, workers: {} };
    case 'no-weights':
      return { ...policy, weight: 1 };
    case 'no-breakers':
      return { ...policy, guards: { ...policy.guards, breakers: NO_GUARDS.breakers } };
    case 'no-budgets':
      return { ...policy, guards: { ...policy.guards, retryBudgets: new Map([['*', { percent: 100, perMinute: 1_000_000 }]]) } };
    default:
      return policy;
  }
};
