/** Retry budgets, breakers and substitutes as rows of the scheduling table. */
import type { SchedulingView } from '@mandate/contracts';

type Guards = Pick<SchedulingView, 'retryBudgets' | 'retriesHeld' | 'breakerRules' | 'breakers' | 'substitutes'>;

export const guardRows = ({ retryBudgets, retriesHeld, breakerRules, breakers, substitutes }: Guards): string[][] => [
  ...retryBudgets.map(({ name, percent, perMinute }) => [
    'retries',
    'capability',
    name,
    `${percent} % of traffic, ${perMinute} a minute in any case`,
  ]),
  ...retriesHeld.map(({ capability, at }) => ['retries', 'capability', capability, `budget spent at ${at}`]),
  ...breakerRules.map(({ kind, name, failurePercent, volume, window, openFor, probes }) => [
    'breaker',
    kind,
    name,
    failurePercent >= 100
      ? 'never opens by itself'
      : `opens above ${failurePercent} % of ${volume} or more failing within ${window}, for ${openFor}, then lets ${probes} through`,
  ]),
  ...breakers.map(({ kind, name, capability, state, since, triesAt, reason }) => [
    state,
    kind,
    kind === 'worker' ? `${name} ${capability}` : name,
    `since ${since}${triesAt ? `, tried at ${triesAt}` : state === 'open' ? ', by hand' : ''}${reason ? `: ${reason}` : ''}`,
  ]),
  ...substitutes.map(({ capability, substitute }) => ['substitute', 'capability', capability, `by ${substitute}`]),
];
