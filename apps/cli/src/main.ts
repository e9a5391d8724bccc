import { surroundings } from './config.js';
import { run } from './run.js';

// `mandate list | head` closes our output: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const status = await run({ args: process.argv.slice(2), streams: process, ...surroundings() });
// A command that reads for as long as its input lasts has set its own status by now.
if (status !== 0) process.exitCode = status;
