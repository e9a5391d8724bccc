/** Which events of the trail: the options that search and export share. */
import { isUlid } from '@mandate/kernel';
import type { Command } from 'commander';
import { sinceOf } from '../text/time-text.js';

export interface FilterOptions {
  actor?: string;
  onBehalfOf?: string;
  action?: string;
  resource?: string;
  outcome?: string;
  since?: string;
  until?: string;
  trace?: string;
  q?: string;
}

export const withFilterOptions = (command: Command): Command =>
  command
    .option('--actor <id>', 'who did it')
    .option('--on-behalf-of <id>', 'in whose name, at any place of the chain')
    .option('--action <type>', 'an event type (audit.read), or the beginning of some, ending in a dot')
    .option('--resource <type[/id]>', 'delegation, or delegation/01KB…, with what says that it was looked at; an id alone is a delegation')
    .option('--outcome <outcome>', 'success, failure or denied')
    .option('--since <time>', 'recorded since this time (RFC 3339), or since this long ago (15m, 2h, 7d)')
    .option('--until <time>', 'recorded before this time')
    .option('--trace <id>', 'a W3C trace id')
    .option('--q <words>', 'words of action, reason and data, which must all occur');

const typeOf = (action: string | undefined): string | undefined => {
  if (action === undefined || action.startsWith('dev.')) return action;
  return action.endsWith('.') ? `dev.mandate.${action}` : `dev.mandate.${action}.v1`;
};

const nameOf = (resource: string | undefined): string | undefined =>
  resource !== undefined && isUlid(resource) ? `delegation/${resource}` : resource;

/** Only what was given; types and ids in full. */
export const filterQuery = (options: FilterOptions): Record<string, string> => {
  const { actor, onBehalfOf, action, resource, outcome, trace, q } = options;
  const since = sinceOf('--since', options.since);
  const until = sinceOf('--until', options.until);
  return given({ actor, onBehalfOf, action: typeOf(action), resource: nameOf(resource), outcome, since, until, trace, q });
};

export const given = (query: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
