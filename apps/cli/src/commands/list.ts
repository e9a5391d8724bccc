import type { DelegationListItem, TaskState } from '@mandate/contracts';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../output.js';
import { parseState, stateName, STATES, stateText, tookText } from '../text/state-text.js';
import { table } from '../text/table.js';
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
    const page = await apiOf(context, options).list({ state: stateOf(state), pattern, q, since: sinceOf(since), limit, cursor });
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

const UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const sinceOf = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined;
  const ago = /^(\d{1,6})([smhd])$/.exec(text);
  const time = ago ? Date.now() - Number(ago[1]) * (UNITS[ago[2] ?? ''] ?? 0) : Date.parse(text);
  if (Number.isNaN(time)) throw new CliError('BAD_TIME', `--since takes a time such as 2026-11-23T05:00:00Z, or 15m, 2h, 7d`, EXIT.usage);
  return new Date(time).toISOString();
};
