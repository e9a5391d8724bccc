import type { RebuildView } from '@mandate/contracts';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from '../commands/context.js';
import { CliError, EXIT } from '../exit.js';

/** Read models by name, and who makes them anew. */
const ROUTES: Readonly<Record<string, string>> = {
  delegations: '/api/delegations/rebuild',
  reputation: '/api/agents/reputation/rebuild',
};

export const registerRebuild: Register = (audit, context) => {
  const command = audit
    .command('rebuild')
    .description('make a read model anew from the log, beside the one that answers meanwhile')
    .argument('<model>', Object.keys(ROUTES).join(', '));
  withCommonOptions(command).action(async (model: string, options: CommonOptions) => {
    const route = ROUTES[model];
    if (!route)
      throw new CliError('NO_SUCH_MODEL', `there is no read model ${model}; there are ${Object.keys(ROUTES).join(', ')}`, EXIT.usage);
    // However long it takes: the log may be long.
    const rebuilt = (await (await apiOf(context, options).request('POST', route)).json()) as RebuildView;
    const { output } = context;
    if (options.json) return output.json(rebuilt);
    output.line(`${rebuilt.projection} made anew up to position ${rebuilt.position} in ${rebuilt.ms} ms`);
  });
};
