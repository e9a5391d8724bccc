import type { AgentView } from '@mandate/contracts';
import type { Output } from '../output.js';
import { figureCells } from '../text/reputation-text.js';
import { table, truncate } from '../text/table.js';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from './context.js';

const DESCRIPTION_WIDTH = 60;

export const registerAgents: Register = (program, context) => {
  const command = program.command('agents').description('registered workers and what they can do');
  withCommonOptions(command).action(async (options: CommonOptions) => {
    const page = await apiOf(context, options).agents();
    if (options.json) return context.output.json(page);
    for (const line of lines(context.output, page.items)) context.output.line(line);
  });
};

const lines = (output: Output, agents: readonly AgentView[]): string[] => {
  if (agents.length === 0) return ['none; start a worker, for example: node examples/dist/research.js'];
  const head = ['worker', 'state', 'capability', 'busy', 'success', 'late', 'takes', 'description'].map((name) =>
    output.paint('dim', name),
  );
  const rows = agents.flatMap((agent) =>
    agent.capabilities.map((capability, index) => [
      index === 0 ? agent.instance : '',
      index === 0 ? output.paint(agent.state === 'online' && agent.mode === 'active' ? 'green' : 'yellow', stateOf(agent)) : '',
      capability.name,
      `${capability.running}/${capability.concurrency}`,
      ...figureCells(capability.reputation),
      truncate(capability.description, DESCRIPTION_WIDTH),
    ]),
  );
  const proposed = agents.flatMap((agent) => agent.capabilities.flatMap(({ proposal }) => proposal ?? []));
  const hint = proposed.length > 0 ? ['', output.paint('yellow', `proposed for quarantine: mandate reputation show`)] : [];
  return [...table([head, ...rows]), ...hint];
};

/** `mode` is not told by engines that did not know it yet. */
const stateOf = ({ state, mode = 'active' }: Omit<AgentView, 'mode'> & Partial<Pick<AgentView, 'mode'>>): string =>
  mode === 'active' ? state : `${state}, ${mode}`;
