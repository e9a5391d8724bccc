import type { AuditEventView, Page } from '@mandate/contracts';
import type { Output } from '../output.js';
import { table } from '../text/table.js';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from '../commands/context.js';
import { filterQuery, given, withFilterOptions, type FilterOptions } from './filter.js';

interface EventsOptions extends CommonOptions, FilterOptions {
  limit?: string;
  cursor?: string;
}

export const registerEvents: Register = (audit, context) => {
  const command = audit.command('events').description('events of the trail, newest first');
  withFilterOptions(command)
    .option('--limit <n>', 'at most this many')
    .option('--cursor <cursor>', 'the next page, as the page before names it');
  withCommonOptions(command).action(async (options: EventsOptions) => {
    const query = new URLSearchParams({ ...filterQuery(options), ...given({ limit: options.limit, cursor: options.cursor }) });
    const page = await apiOf(context, options).json<Page<AuditEventView>>('GET', `/api/audit/events?${query}`);
    const { output } = context;
    if (options.json) return output.json(page);
    for (const line of lines(output, page.items)) output.line(line);
    if (page.nextCursor) output.line(output.paint('dim', `more: --cursor ${page.nextCursor}`));
  });
};

/** What the trail says of a look at something stands in a stream of its own; what was looked at says more. */
const toText = ({ type, id }: AuditEventView['resource'], { resource, operation }: AuditEventView['data']): string => {
  const shown = type === 'audit' ? (resource ?? operation) : undefined;
  return typeof shown === 'string' ? shown : `${type}/${id}`;
};

const lines = (output: Output, items: readonly AuditEventView[]): string[] => {
  if (items.length === 0) return ['none'];
  const head = ['position', 'recorded', 'by', 'did', 'to', 'outcome'].map((name) => output.paint('dim', name));
  const rows = items.map(({ position, recordedAt, actor, action, resource, outcome, reason, data }) => [
    String(position),
    recordedAt.slice(0, 19).replace('T', ' '),
    [actor.id, ...(actor.onBehalfOf ?? [])].join(' for '),
    action.replace(/^dev\.mandate\.|\.v\d+$/g, ''),
    toText(resource, data),
    outcome === 'success' ? outcome : output.paint('red', reason ? `${outcome} (${reason})` : outcome),
  ]);
  return table([head, ...rows]);
};
