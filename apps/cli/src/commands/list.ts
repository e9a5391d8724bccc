import type { DelegationListItem, TaskState } from '@mandate/contracts';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../output.js';
import { parseState, stateName, STATES, stateText, tookText } from '../text/state-text.js';
import { table } from '../text/table.js';
import { sinceOf } from '../text/time-text.js';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from './context.js';

interface ListOptions extends CommonOptions {
  state?: string;
  pattern?: string;
  q?: string;
  since?: string;
  limit?: string;
  cursor?: string;
}

export const registerList: Register = (program, context) => {
  const command = program
    .command('list')
    .description('delegations, newest first')
    .option('--state <state>', STATES.map(stateName).join(', '))
    .option('--pattern <pattern>', 'direct, sequential, parallel or meta')
    .option('--q <text>', 'the beginning of an id, or a principal')
    .option('--since <time>', 'asked since this time (RFC 3339), or since this long ago (15m, 2h, 7d)')
    .option('--limit <n>', 'at most this many')
    .option('--cursor <cursor>', 'the next page, as the page before names it');
  withCommonOptions(command).action(async (options: ListOptions) => {
    const { state, since, pattern, q, limit, cursor } = options;
    const page = await apiOf(context, options).list({ state: stateOf(state), pattern, q, since: sinceOf('--since', since), limit, cursor });
    const { output } = context;
    if (options.json) return output.json(page);
    for (const line of lines(output, page.items)) output.line(line);
    if (page.nextCursor) output.line(output.paint('dim', `more: mandate list --cursor ${page.nextCursor}`));
  });
};

const lines = (output: Output, items: readonly DelegationListItem[]): string[] => {
  if (items.length === 0) return ['none'];
  const head = ['id', 'state', 'pattern', 'asked', 'took', 'by'].map((name) => output.paint('dim', name));
  const rows = items.map((item) => [
    item.id,
    stateText(output, item.state),
    item.pattern ?? '-',
    item.createdAt.slice(0, 19).replace('T', ' '),
    tookText(item.createdAt, item.endedAt) || '-',
    item.principal,
  ]);
  return table([head, ...rows]);
};

const stateOf = (text: string | undefined): TaskState | undefined => {
  if (text === undefined) return undefined;
  const state = parseState(text);
  if (!state) throw new CliError('BAD_STATE', `--state takes one of ${STATES.map(stateName).join(', ')}`, EXIT.usage);
  return state;
};
