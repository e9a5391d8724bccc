import type { AggregateStateView, SystemStateView } from '@mandate/contracts';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from '../commands/context.js';
import { given } from './filter.js';

interface StateOptions extends CommonOptions {
  at?: string;
}

export const registerState: Register = (audit, context) => {
  const command = audit
    .command('state')
    .description('the state of an aggregate, or of the whole tenant, as it was')
    .argument('[aggregate]', '<type>/<id>, such as delegation/01KB…; a bare ULID is a delegation')
    .option('--at <position|time>', 'a position of the log, or a time (RFC 3339); default: now');
  withCommonOptions(command).action(async (aggregate: string | undefined, { at, ...options }: StateOptions) => {
    const resource = aggregate === undefined || aggregate.includes('/') ? aggregate : `delegation/${aggregate}`;
    const query = new URLSearchParams(given({ at, resource }));
    const view = await apiOf(context, options).json<AggregateStateView | SystemStateView>('GET', `/api/audit/state?${query}`);
    const { output } = context;
    if (options.json) return output.json(view);
    output.line(output.paint('dim', `at position ${view.at.position}${view.at.recordedAt ? `, recorded ${view.at.recordedAt}` : ''}`));
    if ('resource' in view) {
      output.line(`${view.resource.type}/${view.resource.id}, after ${view.resource.version} events`);
      return output.line(JSON.stringify(view.state, null, 2));
    }
    for (const [state, count] of Object.entries(view.delegations)) output.line(`delegations ${state}: ${count}`);
    for (const [type, count] of Object.entries(view.events).sort())
      output.line(`${output.paint('dim', String(count).padStart(8))}  ${type}`);
  });
};
