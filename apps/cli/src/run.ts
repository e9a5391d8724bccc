/** From arguments to an exit status. Only the command that was asked for is loaded: most of a short command's time is loading. */
import { Command, CommanderError } from 'commander';
import type { CommandContext, Register } from './commands/context.js';
import type { Surroundings } from './config.js';
import { CliError, EXIT, type ExitStatus } from './exit.js';
import { Output, type Streams } from './output.js';

const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  up: async () => (await import('./up/index.js')).registerUp,
  delegate: async () => (await import('./commands/delegate.js')).registerDelegate,
  status: async () => (await import('./commands/status.js')).registerStatus,
  watch: async () => (await import('./commands/watch.js')).registerWatch,
  list: async () => (await import('./commands/list.js')).registerList,
  cancel: async () => (await import('./commands/steer.js')).registerCancel,
  approve: async () => (await import('./commands/steer.js')).registerApprove,
  deny: async () => (await import('./commands/steer.js')).registerDeny,
  answer: async () => (await import('./commands/steer.js')).registerAnswer,
  feedback: async () => (await import('./commands/steer.js')).registerFeedback,
  explain: async () => (await import('./commands/explain.js')).registerExplain,
  templates: async () => (await import('./commands/templates.js')).registerTemplates,
  agents: async () => (await import('./commands/agents.js')).registerAgents,
  reputation: async () => (await import('./commands/reputation.js')).registerReputation,
  scheduling: async () => (await import('./commands/scheduling.js')).registerScheduling,
  limit: async () => (await import('./commands/scheduling.js')).registerLimit,
  rate: async () => (await import('./commands/scheduling.js')).registerRate,
  pause: async () => (await import('./commands/scheduling.js')).registerPause,
  resume: async () => (await import('./commands/scheduling.js')).registerResume,
  drain: async () => (await import('./commands/scheduling.js')).registerDrain,
  quarantine: async () => (await import('./commands/scheduling.js')).registerQuarantine,
  activate: async () => (await import('./commands/scheduling.js')).registerActivate,
  'retry-budget': async () => (await import('./commands/guards.js')).registerRetryBudget,
  breaker: async () => (await import('./commands/guards.js')).registerBreaker,
  substitute: async () => (await import('./commands/guards.js')).registerSubstitute,
  'dead-letters': async () => (await import('./commands/dead-letters.js')).registerDeadLetters,
  schedule: async () => (await import('./commands/schedule.js')).registerSchedule,
  audit: async () => (await import('./audit/index.js')).registerAudit,
  recognise: async () => (await import('./recognise.js')).registerRecognise,
};

export interface Invocation extends Surroundings {
  args: readonly string[];
  streams: Streams;
}

/** Resolves to the exit status of the contract; prints what is to be said, never throws for a user's mistake. */
export const run = async ({ args, streams, env, cwd }: Invocation): Promise<number> => {
  const output = new Output(streams, Boolean(env['NO_COLOR']));
  let status: ExitStatus = EXIT.done;
  const context: CommandContext = { output, surroundings: { env, cwd }, exit: (wanted) => (status = wanted) };
  try {
    const program = await build(args, streams, context);
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (!(error instanceof CliError)) throw error;
    output.error(`${output.paintError('red', error.code)}: ${error.message}`);
    if (error.hint) output.error(output.paintError('dim', error.hint));
    return error.status;
  }
};

/** The program with the command that `args` name, or with all of them. */
export const build = async (args: readonly string[], streams: Streams, context: CommandContext): Promise<Command> => {
  const program = new Command('mandate').description('delegate work to agents, and keep what happens on record');
  program.exitOverride().showHelpAfterError('(mandate help shows how)');
  program.configureOutput({ writeOut: (text) => void streams.stdout.write(text), writeErr: (text) => void streams.stderr.write(text) });
  const named = args.find((arg) => !arg.startsWith('-')) ?? '';
  const wanted = Object.hasOwn(COMMANDS, named) ? COMMANDS[named] : undefined;
  const chosen = wanted ? [wanted] : Object.values(COMMANDS);
  for (const register of await Promise.all(chosen.map((load) => load()))) register(program, context);
  return program;
};
