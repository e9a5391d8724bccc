/** `mandate audit erase` and `mandate audit erasures`: data of a person made unreadable for good. */
import type { ErasurePreview, ErasureRequest, ErasureView, Page } from '@mandate/contracts';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from '../commands/context.js';
import { CliError, EXIT } from '../exit.js';
import { table } from '../text/table.js';

interface EraseOptions extends CommonOptions {
  subject?: string;
  delegation?: string;
  reason?: string;
  yes?: boolean;
}

const PATH = '/api/audit/erasures';
/** The first one has to look through the whole log. */
const TIMEOUT_MS = 600_000;

export const registerErase: Register = (program, context) => {
  const command = program
    .command('erase')
    .description('make the data of a person, or of one delegation, unreadable for good; without --yes only show what that would reach')
    .option('--subject <dataSubject>', 'whose data')
    .option('--delegation <id>', 'one delegation, and what it led to')
    .option('--reason <text>', 'why, for the record')
    .option('--yes', 'do it');
  withCommonOptions(command).action(async (options: EraseOptions) => {
    const { output } = context;
    const ask = async <T>(path: string): Promise<T> => {
      const init = { body: JSON.stringify(requestOf(options)), headers: { 'content-type': 'application/json' } };
      const response = await apiOf(context, options).request('POST', path, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
      return (await response.json()) as T;
    };
    if (!options.yes) {
      const preview = await ask<ErasurePreview>(`${PATH}/preview`);
      context.exit(EXIT.no);
      if (options.json) return output.json(preview);
      output.line(`${preview.delegations} delegations would become unreadable; nothing was done, --yes does it`);
      if (preview.running.length > 0) output.line(`still running, and to be cancelled first: ${preview.running.join(', ')}`);
      return;
    }
    const erased = await ask<ErasureView>(PATH);
    if (options.json) return output.json(erased);
    output.line(
      `${erased.id}  ${erased.delegations} delegations unreadable, ${erased.keys} keys and ${erased.deadLetters} dead letters gone`,
    );
  });
};

export const registerErasures: Register = (program, context) => {
  const command = program.command('erasures').description('what was erased, oldest first').option('--cursor <cursor>', 'the next page');
  withCommonOptions(command).action(async (options: CommonOptions & { cursor?: string }) => {
    const page = await apiOf(context, options).json<Page<ErasureView>>(
      'GET',
      `${PATH}${options.cursor ? `?cursor=${encodeURIComponent(options.cursor)}` : ''}`,
    );
    if (options.json) return context.output.json(page);
    const rows = page.items.map((erasure) => [
      erasure.id,
      erasure.completedAt ?? 'under way',
      `${erasure.of} by ${erasure.by}`,
      `${erasure.delegations} delegations`,
      `${erasure.keys} keys`,
      erasure.reapplied > 0 ? `again after ${erasure.reapplied} restores` : '',
    ]);
    for (const line of table(rows)) context.output.line(line);
    if (page.nextCursor !== null) context.output.line(`more: --cursor ${page.nextCursor}`);
  });
};

const requestOf = ({ subject, delegation, reason }: EraseOptions): ErasureRequest => {
  if ((subject === undefined) === (delegation === undefined))
    throw new CliError('WHAT_TO_ERASE', 'give either --subject <dataSubject> or --delegation <id>', EXIT.usage);
  return {
    ...(subject === undefined ? {} : { dataSubject: subject }),
    ...(delegation === undefined ? {} : { delegationId: delegation }),
    ...(reason === undefined ? {} : { reason }),
  };
};
