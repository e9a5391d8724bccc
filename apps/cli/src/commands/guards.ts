/** Changing retry budgets, breakers and substitutes. */
import type { SchedulingChange } from '@mandate/contracts';
import { CliError, EXIT } from '../exit.js';
import type { Register } from './context.js';
import { changing, named, number } from './scheduling.js';

export const registerRetryBudget: Register = (program, context) => {
  const command = program
    .command('retry-budget')
    .description('how much of a capability\'s traffic its retries may be; "none" goes back to the default')
    .argument('<capability>', 'or "*" for all that have none of their own')
    .argument('<percent>', 'of the first attempts within a minute')
    .argument('[per-minute]', 'retries allowed whatever the traffic is, default 10');
  changing(command, context, ([name = '', percent, perMinute]) =>
    percent === 'none'
      ? { type: 'remove-retry-budget', name }
      : {
          type: 'set-retry-budget',
          name,
          percent: number(percent, 'percent'),
          perMinute: number(perMinute ?? '10', 'per-minute'),
        },
  );
};

export const registerSubstitute: Register = (program, context) => {
  const command = program
    .command('substitute')
    .description('what takes the steps of a capability while its breaker is open; "none" removes it')
    .argument('<capability>')
    .argument('<substitute>', 'another capability');
  changing(command, context, ([capability = '', substitute = '']) =>
    substitute === 'none' ? { type: 'remove-substitute', capability } : { type: 'set-substitute', capability, substitute },
  );
};

const BREAKER_VERBS = ['open', 'close', 'set', 'unset'] as const;

export const registerBreaker: Register = (program, context) => {
  const command = program
    .command('breaker')
    .description('open or close a circuit breaker by hand, or set its thresholds; "unset" goes back to the default ones')
    .argument('<verb>', BREAKER_VERBS.join(', '))
    .argument('<kind>', 'capability or worker')
    .argument('<name>', 'of the capability or the worker; "*" for thresholds of all that have none of their own')
    .argument('[capability]', "of a worker's breaker to open or close")
    .option('--failures <percent>', 'set: opens above this share, default 50; 100 never opens')
    .option('--volume <n>', 'set: ended attempts below which nothing is concluded, default 10 of a worker, 20 of a capability')
    .option('--window <duration>', 'set: that is looked at, default PT60S')
    .option('--open-for <duration>', 'set: until a first attempt is let through, default PT15S')
    .option('--probes <n>', 'set: attempts let through then, default 1');
  changing(command, context, ([verb, kind, name, capability], options) => {
    const target = { ...named(kind, name), ...(capability === undefined ? {} : { capability }) };
    switch (BREAKER_VERBS.find((known) => known === verb)) {
      case 'open':
        return { type: 'open-breaker', ...target };
      case 'close':
        return { type: 'close-breaker', ...target };
      case 'set':
        return { type: 'set-breaker', ...target, ...thresholds(options) };
      case 'unset':
        return { type: 'remove-breaker', ...target };
      case undefined:
        throw new CliError('UNKNOWN_VERB', `a breaker can be told to ${BREAKER_VERBS.join(', ')}`, EXIT.usage);
    }
  });
};

const thresholds = ({
  failures,
  volume,
  window,
  openFor,
  probes,
}: Readonly<Record<string, string | undefined>>): Partial<SchedulingChange> => ({
  ...(failures === undefined ? {} : { failurePercent: number(failures, '--failures') }),
  ...(volume === undefined ? {} : { volume: number(volume, '--volume') }),
  ...(window === undefined ? {} : { window }),
  ...(openFor === undefined ? {} : { openFor }),
  ...(probes === undefined ? {} : { probes: number(probes, '--probes') }),
});
