/** The command `up`. Its code is loaded when it is called, so that other commands do not pay for it. */
import type { Command } from 'commander';
import type { CommandContext } from '../commands/context.js';

export const registerUp = (program: Command, { surroundings }: CommandContext): void => {
  program
    .command('up')
    .summary('start everything on this machine')
    .description('Starts PostgreSQL, NATS and the services on this machine, keeps them running, and stops them in order on Ctrl-C.')
    .option('--demo', 'start the demo workers and show delegations as they happen', false)
    .action(async ({ demo }: { demo: boolean }) => {
      const { runUp } = await import('./run-up.js');
      await runUp(demo, surroundings);
    });
};
