/** cancel, approve, deny, answer and feedback: each one command to one delegation. */
import type { Command } from 'commander';
import type { SteeringBody } from '../api/client.js';
import { CliError, EXIT } from '../exit.js';
import { approvalLines } from '../text/delegation-text.js';
import { stateText } from '../text/state-text.js';
import { apiOf, withCommonOptions, type CommandContext, type CommonOptions, type Register } from './context.js';

interface SteerOptions extends CommonOptions {
  step?: string;
  reason?: string;
  digest?: string;
  question?: string;
  answer?: string;
  text?: string;
  pattern?: string;
}

type Verb = 'cancel' | 'approve' | 'deny' | 'answer' | 'feedback';

const act = (
  command: Command,
  context: CommandContext,
  verb: Verb,
  bodyOf: (options: SteerOptions, id: string) => SteeringBody | Promise<SteeringBody>,
): void => {
  withCommonOptions(command).action(async (id: string, options: SteerOptions) => {
    const body = await bodyOf(options, id);
    const answer = await apiOf(context, options).steer(id, verb, body);
    if (options.json) return context.output.json(answer);
    context.output.line(`${answer.id}  ${stateText(context.output, answer.state)}`);
  });
};

const common = ({ step, digest, reason }: SteerOptions): SteeringBody => ({
  ...(step === undefined ? {} : { stepId: step }),
  ...(digest === undefined ? {} : { digest }),
  ...(reason === undefined ? {} : { reason }),
});

const simple = (program: Command, verb: Exclude<Verb, 'answer' | 'feedback'>, description: string): Command =>
  program.command(verb).description(description).argument('<id>').option('--reason <text>', 'why, for the record');

const ofApproval = (command: Command): Command =>
  command
    .option('--step <id>', 'this step, instead of the plan')
    .option('--digest <hex>', 'only if this is still what would run; mandate status shows it');

export const registerCancel: Register = (program, context) =>
  act(simple(program, 'cancel', 'stop a delegation and all that runs below it'), context, 'cancel', common);

export const registerDeny: Register = (program, context) =>
  act(ofApproval(simple(program, 'deny', 'deny a plan, or a step that cannot be undone')), context, 'deny', common);

export const registerApprove: Register = (program, context) =>
  act(
    ofApproval(simple(program, 'approve', 'show what will run, a plan or a step that cannot be undone, and approve it')),
    context,
    'approve',
    (options, id) => approving(context, options, id),
  );

/** Approves what it has just shown: when something else would run by then, the service refuses. */
const approving = async (context: CommandContext, options: SteerOptions, id: string): Promise<SteeringBody> => {
  const body = common(options);
  if (body.digest !== undefined) return body;
  const { approvals = [] } = await apiOf(context, options).view(id);
  const fitting = options.step === undefined ? approvals : approvals.filter(({ stepId }) => stepId === options.step);
  const [approval] = fitting;
  if (!approval?.digest || fitting.length > 1) return body;
  if (!options.json) for (const line of approvalLines(context.output, approval)) context.output.line(line);
  return { ...body, digest: approval.digest };
};

export const registerAnswer: Register = (program, context) => {
  const command = program
    .command('answer')
    .description('answer the question of a step')
    .argument('<id>')
    .option('--question <id>', 'which question, where several are open; mandate status shows them')
    .option('--answer <json>', 'the answer as JSON')
    .option('--text <text>', 'the answer as plain text')
    .option('--step <id>', 'the step that asks');
  act(command, context, 'answer', async (options, id) => {
    const answer = answerOf(options);
    return { ...common(options), questionId: options.question ?? (await openQuestion(context, options, id)), answer };
  });
};

/** The only one that is open; which of several is meant has to be said. */
const openQuestion = async (context: CommandContext, options: SteerOptions, id: string): Promise<string> => {
  const { steps } = await apiOf(context, options).view(id);
  const open = steps.flatMap((step) => (step.question && (options.step ?? step.id) === step.id ? [step.question.id] : []));
  const [question] = open;
  if (question === undefined) throw new CliError('NO_QUESTION', `${id} has no open question: mandate status ${id}`, EXIT.no);
  if (open.length > 1) throw new CliError('WHICH_QUESTION', `several are open: --question ${open.join(' or ')}`, EXIT.usage);
  return question;
};

export const registerFeedback: Register = (program, context) => {
  const command = program
    .command('feedback')
    .description('say which pattern a request really asked for; the recogniser learns from it')
    .argument('<id>')
    .requiredOption('--pattern <pattern>', 'direct, sequential, parallel or meta')
    .option('--reason <text>', 'why, for the record');
  act(command, context, 'feedback', (options) => ({ ...common(options), pattern: options.pattern as string }));
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
