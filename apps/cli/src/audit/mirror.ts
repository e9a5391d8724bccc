/** `mandate audit mirror`: the whole log into a folder, to be verified on a machine that reaches nothing of ours. Only what is new is fetched. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { bundlePath, parseCheckpointText, parseNote, partialTiles, TILE_WIDTH, tilePath, utf8 } from '@mandate/audit-log';
import type { ApiClient } from '../api/client.js';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from '../commands/context.js';
import { CliError, EXIT } from '../exit.js';
import { LOG } from './fetch.js';

const AT_ONCE = 8;

export const registerMirror: Register = (program, context) => {
  const command = program
    .command('mirror')
    .description('copy the log into a folder in the layout of tlog-tiles; a later call fetches what is new')
    .argument('<folder>');
  withCommonOptions(command).action(async (folder: string, options: CommonOptions) => {
    const to = resolve(context.surroundings.cwd, folder);
    const { size, fetched } = await mirror(apiOf(context, options), to);
    if (options.json) context.output.json({ folder: to, size: size.toString(), fetched });
    else
      context.output.line(
        `${size} events in ${folder}, ${fetched} files fetched; verify with: mandate audit verify --log ${folder} --vkey KEY`,
      );
  });
};

const mirror = async (api: ApiClient, folder: string): Promise<{ size: bigint; fetched: number }> => {
  const checkpoint = await api.text(`${LOG}/checkpoint`);
  const size = parseCheckpointText(parseNote(utf8(checkpoint))?.text ?? '')?.size;
  if (size === undefined) throw new CliError('BAD_ANSWER', 'the service’s checkpoint is none', EXIT.no);
  const wanted = filesOf(size).filter((path) => !existsSync(join(folder, path)) && !existsSync(join(folder, recordsFor(path))));
  const queue = wanted.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const path of queue) await fetchInto(api, folder, path);
    }),
  );
  write(folder, 'checkpoint', utf8(checkpoint)); // last, so that what it calls for is there
  return { size, fetched: wanted.length };
};

const filesOf = (size: bigint): string[] => {
  const paths: string[] = [];
  for (let level = 0, count = size >> 8n; count > 0n; level++, count >>= 8n)
    for (let index = 0n; index < count; index++) paths.push(tilePath({ level, index }));
  for (let index = 0n; index < size >> 8n; index++) paths.push(bundlePath(index));
  for (const { tile, width } of partialTiles(size)) paths.push(tilePath(tile, width));
  const rest = Number(size % BigInt(TILE_WIDTH));
  if (rest > 0) paths.push(bundlePath(size >> 8n, rest));
  return paths;
};

const recordsFor = (path: string): string => path.replace('tile/entries/', 'tile/records/');

/** A bundle with an entry that is too long for it is there as records. */
const fetchInto = async (api: ApiClient, folder: string, path: string): Promise<void> => {
  try {
    write(folder, path, await api.bytes(`${LOG}/${path}`));
  } catch (error) {
    const records = recordsFor(path);
    if (!(error instanceof CliError) || error.code !== 'NOT_FOUND' || records === path) throw error;
    write(folder, records, await api.bytes(`${LOG}/${records}`));
  }
};

const write = (folder: string, path: string, bytes: Uint8Array): void => {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, bytes);
  renameSync(`${file}.new`, file);
};
