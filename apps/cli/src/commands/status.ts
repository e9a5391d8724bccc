import { delegationLines } from '../text/delegation-text.js';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from './context.js';

export const registerStatus: Register = (program, context) => {
  const command = program.command('status').description('one delegation with its steps').argument('<id>');
  withCommonOptions(command).action(async (id: string, options: CommonOptions) => {
    const view = await apiOf(context, options).view(id);
    if (options.json) return context.output.json(view);
    for (const line of delegationLines(context.output, view)) context.output.line(line);
  });
};
