import { surroundings } from './config.js';
import { run } from './run.js';

// `mandate list | head` closes our output: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await run({ args: process.argv.slice(2), streams: process, ...surroundings() });
