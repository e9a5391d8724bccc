/** cancel, approve, deny and answer: each one command to one delegation. */
import type { Command } from 'commander';
import type { SteeringBody } from '../api/client.js';
import { CliError, EXIT } from '../exit.js';
import { stateText } from '../text/state-text.js';
import { apiOf, withCommonOptions, type CommandContext, type CommonOptions, type Register } from './context.js';

interface SteerOptions extends CommonOptions {
  step?: string;
  reason?: string;
  question?: string;
  answer?: string;
  text?: string;
}

type Verb = 'cancel' | 'approve' | 'deny' | 'answer';

const act = (command: Command, context: CommandContext, verb: Verb, bodyOf: (options: SteerOptions) => SteeringBody): void => {
  withCommonOptions(command).action(async (id: string, options: SteerOptions) => {
    const body = bodyOf(options);
    const answer = await apiOf(context, options).steer(id, verb, body);
    if (options.json) return context.output.json(answer);
    context.output.line(`${answer.id}  ${stateText(context.output, answer.state)}`);
  });
};

const common = ({ step, reason }: SteerOptions): SteeringBody => ({
  ...(step === undefined ? {} : { stepId: step }),
  ...(reason === undefined ? {} : { reason }),
});

const simple =
  (verb: Exclude<Verb, 'answer'>, description: string): Register =>
  (program, context) => {
    const command = program.command(verb).description(description).argument('<id>').option('--reason <text>', 'why, for the record');
    if (verb !== 'cancel') command.option('--step <id>', 'this step, instead of the plan');
    act(command, context, verb, common);
  };

export const registerCancel = simple('cancel', 'stop a delegation and all that runs below it');
export const registerApprove = simple('approve', 'approve a plan, or a step that cannot be undone');
export const registerDeny = simple('deny', 'deny a plan, or a step that cannot be undone');

export const registerAnswer: Register = (program, context) => {
  const command = program
    .command('answer')
    .description('answer the question of a step')
    .argument('<id>')
    .requiredOption('--question <id>', 'which question; mandate status shows it')
    .option('--answer <json>', 'the answer as JSON')
    .option('--text <text>', 'the answer as plain text')
    .option('--step <id>', 'the step that asks');
  act(command, context, 'answer', (options) => ({ ...common(options), questionId: options.question as string, answer: answerOf(options) }));
};

const answerOf = ({ answer, text }: SteerOptions): unknown => {
  if ((answer === undefined) === (text === undefined))
    throw new CliError('NO_ANSWER', 'give either --answer <json> or --text <text>', EXIT.usage);
  if (answer === undefined) return text;
  try {
    return JSON.parse(answer) as unknown;
  } catch {
    throw new CliError('ANSWER_NOT_JSON', '--answer takes JSON (quote text: \'"blue"\'); --text takes plain text', EXIT.usage);
  }
};
