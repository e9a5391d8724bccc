import { readFile } from 'node:fs/promises';
import type { ForkView, StepSpec } from '@mandate/contracts';
import { CliError, EXIT } from '../exit.js';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from '../commands/context.js';
import type { Output, Style } from '../output.js';

interface ForkOptions extends CommonOptions {
  change: string;
  after?: string;
}

export const registerFork: Register = (audit, context) => {
  const command = audit
    .command('fork')
    .description('a past delegation run again with something changed: what would have been different')
    .argument('<delegation>')
    .requiredOption('--change <what>', 'threshold=0.8, plan=FILE (steps as JSON), or worker=INSTANCE')
    .option('--after <position>', 'with worker=: from behind the event at this position on');
  withCommonOptions(command).action(async (delegationId: string, { change, after, ...options }: ForkOptions) => {
    const body = { delegationId, ...(await changeOf(change)), ...(after === undefined ? {} : { after: numberOf('--after', after) }) };
    const fork = await apiOf(context, options).json<ForkView>('POST', '/api/audit/forks', body);
    const { output } = context;
    if (options.json) output.json(fork);
    else for (const line of lines(output, fork)) output.line(line);
  });
};

const numberOf = (option: string, text: string): number => {
  const number = Number(text);
  if (text.trim() === '' || Number.isNaN(number)) throw new CliError('NOT_A_NUMBER', `${option} takes a number, not "${text}"`, EXIT.usage);
  return number;
};

const changeOf = async (change: string): Promise<{ threshold: number } | { worker: string } | { steps: StepSpec[] }> => {
  const value = change.slice(change.indexOf('=') + 1);
  if (change.startsWith('threshold=')) return { threshold: numberOf('--change threshold', value) };
  if (change.startsWith('worker=')) return { worker: value };
  if (change.startsWith('plan=')) return { steps: await planIn(value) };
  throw new CliError('BAD_CHANGE', '--change takes threshold=0.8, plan=FILE or worker=INSTANCE', EXIT.usage);
};

/** The steps themselves, or a request that has them. */
const planIn = async (file: string): Promise<StepSpec[]> => {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new CliError('FILE_UNREADABLE', `cannot read ${file}: ${error.message}`, EXIT.usage);
  });
  try {
    const document = JSON.parse(text) as StepSpec[] | { steps: StepSpec[] };
    return Array.isArray(document) ? document : document.steps;
  } catch {
    throw new CliError('FILE_NOT_JSON', `${file} is not JSON`, EXIT.usage);
  }
};

const MARKS: Readonly<Record<ForkView['diff'][number]['is'], [mark: string, style: Style]>> = {
  same: [' ', 'dim'],
  changed: ['~', 'yellow'],
  removed: ['-', 'red'],
  added: ['+', 'green'],
};

const lines = (output: Output, { recordedStatus, status, diff, reused, open, approvals, assumedThreshold }: ForkView): string[] => [
  `was ${recordedStatus}, would be ${status === 'active' ? 'open' : status}`,
  ...diff.map(({ is, type, stepId, fields = {} }) => {
    const [mark, style] = MARKS[is];
    const details = Object.entries(fields).map(
      ([name, { before, after }]) => `${name}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`,
    );
    return output.paint(style, `${mark} ${[type, stepId, ...details].filter(Boolean).join('  ')}`);
  }),
  ...(reused.length > 0 ? [`answered by what was recorded: ${reused.join(', ')}`] : []),
  ...open.map(({ stepId, capability }) => `would run: ${stepId} ${capability}`),
  ...approvals.map((what) => `would need an approval: ${what}`),
  ...(assumedThreshold === undefined ? [] : [`its threshold is not on record: ${assumedThreshold}, the default of today, stood for it`]),
];
