import { randomBytes } from 'node:crypto';
import type { DelegationRequest, DelegationView } from '@mandate/contracts';
import { ulid } from '@mandate/kernel';
import type { ApiClient } from '../api/client.js';
import { CliError, EXIT } from '../exit.js';
import { delegationLines } from '../text/delegation-text.js';
import { EventNarrator } from '../text/event-text.js';
import { stateText } from '../text/state-text.js';
import { valueLines } from '../text/value-text.js';
import { readRequest } from '../request-file.js';
import { apiOf, withCommonOptions, type CommandContext, type CommonOptions, type Register } from './context.js';

interface DelegateOptions extends CommonOptions {
  file?: string;
  wait?: boolean;
  pattern?: string;
}

export const registerDelegate: Register = (program, context) => {
  const command = program
    .command('delegate')
    .description('ask for something to be done')
    .argument('[goal]', 'what is to be done, in plain language')
    .option('--file <request.json>', 'the request as JSON (- reads standard input); the goal given here wins over its goal')
    .option('--pattern <pattern>', 'direct, sequential, parallel, meta or auto')
    .option('--wait', 'show each step as it happens, and print the result');
  withCommonOptions(command).action(async (goal: string | undefined, options: DelegateOptions) => {
    const request = requestOf(goal, options);
    const api = apiOf(context, options);
    const { id, state } = await api.delegate(request);
    if (options.wait) return waitFor(context, api, id, options.json ?? false);
    if (options.json) return context.output.json({ id, state });
    context.output.line(`${id}  ${stateText(context.output, state)}`);
    context.output.line(context.output.paint('dim', `see it: mandate watch ${id}`));
  });
};

const requestOf = (goal: string | undefined, { file, pattern }: DelegateOptions): DelegationRequest => {
  const given = file === undefined ? {} : readRequest(file);
  const request = { ...given, ...(goal === undefined ? {} : { goal }), ...(pattern === undefined ? {} : { pattern }) } as DelegationRequest;
  if (request.goal === undefined)
    throw new CliError('NO_GOAL', 'say what is to be done: mandate delegate "<goal>", or --file with a goal in it', EXIT.usage);
  // With an id of its own a request can be sent again without being done twice; an idempotency key does the same.
  return request.id === undefined && request.idempotencyKey === undefined ? { ...request, id: ulid(Date.now(), randomBytes(10)) } : request;
};

const waitFor = async ({ output, exit }: CommandContext, api: ApiClient, id: string, json: boolean): Promise<void> => {
  if (!json) output.line(output.paint('bold', id));
  const narrator = new EventNarrator(output);
  for await (const event of api.follow(id)) {
    const line = json ? null : narrator.line(event);
    if (line) output.line(line);
  }
  const view = await withWholeResult(api, await api.finalView(id));
  exit(view.state === 'TASK_STATE_COMPLETED' ? EXIT.done : EXIT.no);
  if (json) return output.json(view);
  output.line();
  const end = view.error || view.result === undefined ? delegationLines(output, view) : valueLines(view.result);
  for (const line of end) output.line(line);
};

/** A large result stands elsewhere; who waits for it wants to see it. */
const withWholeResult = async (api: ApiClient, view: DelegationView): Promise<DelegationView> => {
  const { result } = view;
  if (
    typeof result !== 'object' ||
    result === null ||
    Array.isArray(result) ||
    typeof result['$ref'] !== 'string' ||
    typeof result['sha256'] !== 'string'
  )
    return view;
  return { ...view, result: (await api.referred(result['$ref'])) as NonNullable<DelegationView['result']> };
};
