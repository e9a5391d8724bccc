/** `mandate audit learning-data`: what may be learned from delegations, without learning of anybody. */
import { piecesOf } from '../api/client.js';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from '../commands/context.js';

export const registerLearningData: Register = (program, context) => {
  const command = program
    .command('learning-data')
    .description('a row a delegation of patterns, counts and outcomes, as JSON lines: no texts, no ids, no requesters, no rare names');
  withCommonOptions(command).action(async (options: CommonOptions) => {
    const response = await apiOf(context, options).request('GET', '/api/audit/learning');
    for await (const bytes of piecesOf(response)) context.output.bytes(bytes);
  });
};
