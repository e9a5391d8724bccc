/** What the service gives out to be verified elsewhere. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseCheckpointText, parseNote, parseTlogProof, toBase64, toHex, utf8 } from '@mandate/audit-log';
import { apiOf, withCommonOptions, type CommandContext, type CommonOptions, type Register } from '../commands/context.js';

export const LOG = '/api/audit/log';

interface FileOptions extends CommonOptions {
  out?: string;
}

/** Into the file, or to standard output as it is. */
const give = ({ output, surroundings }: CommandContext, text: string, { out, json }: FileOptions, view: () => object): void => {
  if (out !== undefined) writeFileSync(resolve(surroundings.cwd, out), text);
  if (json) output.json(view());
  else if (out === undefined) output.line(text.trimEnd());
  else output.line(`written to ${out}`);
};

export const registerCheckpoint: Register = (program, context) => {
  const command = program
    .command('checkpoint')
    .description('the signed head of the log: keep one where nobody who runs the database can change it')
    .option('--out <file>', 'write it there');
  withCommonOptions(command).action(async (options: FileOptions) => {
    const text = await apiOf(context, options).text(`${LOG}/checkpoint`);
    give(context, text, options, () => checkpointView(text));
  });
};

const checkpointView = (text: string): object => {
  const note = parseNote(utf8(text));
  const checkpoint = parseCheckpointText(note?.text ?? '');
  return {
    origin: checkpoint?.origin,
    size: checkpoint?.size.toString(),
    root: checkpoint && toHex(checkpoint.root),
    signatures: note?.signatures.map(({ name }) => name),
    checkpoint: text,
  };
};

export const registerProve: Register = (program, context) => {
  const command = program
    .command('prove')
    .description('the proof that an event is in the log, as a tlog-proof file')
    .argument('<event>', 'id of the event, or its position')
    .option('--out <file>', 'write it there');
  withCommonOptions(command).action(async (event: string, options: FileOptions) => {
    const text = await apiOf(context, options).text(`${LOG}/proofs/${encodeURIComponent(event)}`);
    give(context, text, options, () => proofView(text));
  });
};

const proofView = (text: string): object => {
  const proof = parseTlogProof(utf8(text));
  return { position: proof && (proof.index + 1n).toString(), hashes: proof?.proof.map(toBase64), file: text };
};

export const registerVkey: Register = (program, context) => {
  const command = program.command('vkey').description('the log’s public key; compare it with the one that you were given');
  withCommonOptions(command).action(async (options: CommonOptions) => {
    const vkey = (await apiOf(context, options).text(`${LOG}/vkey`)).trim();
    if (options.json) context.output.json({ vkey });
    else context.output.line(vkey);
  });
};
