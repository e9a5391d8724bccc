/** `mandate audit witness`: a small witness to run where the log’s operator has no say. */
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Register } from '../../commands/context.js';
import { collect, keysOf, usage } from '../trust.js';
import { serveWitness } from './serve.js';
import { Witness } from './witness.js';

interface WitnessCommandOptions {
  listen: string;
  folder: string;
  name: string;
  log: string[];
}

export const registerWitness: Register = (program, context) => {
  program
    .command('witness')
    .description('cosign heads of logs that only grow; run it on another machine than the log')
    .requiredOption('--folder <folder>', 'of its key, made on the first start, and of what it cosigned last')
    .option('--log <key>', 'public key of a log that it serves, or a file with some; may be given again', collect, [])
    .option('--listen <address>', 'host:port', '127.0.0.1:7480')
    .option('--name <name>', 'of the key, when it is made: best the address without scheme', 'mandate-witness')
    .action(async ({ listen, folder, name, log }: WitnessCommandOptions) => {
      const { cwd } = context.surroundings;
      if (log.length === 0) throw usage('NO_KEY', 'name the logs that it serves with --log');
      const witness = await Witness.open({ folder: resolve(cwd, folder), name, logs: keysOf(cwd, log), clock: { now: Date.now } });
      const served = await serveWitness(witness, addressOf(listen), (error) => context.output.error(String(error)));
      context.output.line(`listens on ${served.url}`);
      context.output.line(witness.vkey);
      const stop = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
      await once(stop.signal, 'abort');
      await served.close();
    });
};

const addressOf = (listen: string): { host: string; port: number } => {
  const [, host = '', port = ''] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(listen) ?? [];
  if (host === '' || Number(port) > 65_535) throw usage('CONFIG_INVALID', `--listen is "${listen}"; it must be host:port`);
  return { host, port: Number(port) };
};
