/** The trail taken away: to standard output, to a file with a manifest beside it, or to a syslog server. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { piecesOf, type ApiClient } from '../api/client.js';
import { CliError, EXIT } from '../exit.js';
import { apiOf, withCommonOptions, type CommandContext, type CommonOptions, type Register } from '../commands/context.js';
import { filterQuery, given, withFilterOptions, type FilterOptions } from './filter.js';
import { SyslogSender } from './syslog-sender.js';
import { proofFileOf } from './verify-export.js';

interface ExportOptions extends CommonOptions, FilterOptions {
  format?: string;
  after?: string;
  follow?: boolean;
  out?: string;
  syslog?: string;
  ca?: string;
}

/** Where the bytes go. */
interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
}

export const registerExport: Register = (audit, context) => {
  const command = audit
    .command('export')
    .description('events of the trail, oldest first, as jsonl (the stored records), csv, ocsf, cef or syslog')
    .option('--format <format>', 'jsonl, csv, ocsf, cef, syslog', 'jsonl')
    .option('--out <file>', 'into this file; <file>.manifest.json says what it is of, <file>.proof proves it')
    .option('--syslog <url>', 'RFC 5424 messages to tcp://host:port or tls://host:port')
    .option('--ca <file>', 'the certificate authority of a tls:// server, in PEM')
    .option('--after <position>', 'events behind this position')
    .option('--follow', 'go on with what is recorded from now on');
  withFilterOptions(command);
  withCommonOptions(command).action((options: ExportOptions) => exportTrail(context, options));
};

const exportTrail = async (context: CommandContext, options: ExportOptions): Promise<void> => {
  if (options.syslog && options.out) throw new CliError('TWO_SINKS', 'name --out or --syslog, not both', EXIT.usage);
  const filter = filterQuery(options);
  const format = options.syslog ? 'syslog' : (options.format ?? 'jsonl');
  const query = { ...filter, format, ...given({ after: options.after }), ...(options.follow ? { follow: 'true' } : {}) };
  const { cwd } = context.surroundings;
  const api = apiOf(context, options);
  const response = await api.request('GET', `/api/audit/export?${new URLSearchParams(query)}`);
  const told = new ToldLines(options.format === 'csv' ? 1 : 0);
  const sink = await sinkOf(context, options);
  for await (const bytes of piecesOf(response)) {
    told.add(bytes);
    await sink.write(bytes);
  }
  await sink.end();
  if (!options.out) return;
  const size = Number(response.headers.get('mandate-log-size'));
  // A proof ends where the export began; what was followed since has to be exported to be proved.
  const proof = options.follow ? null : await proofInto(api, cwd, proofFileOf(options.out), { ...query, size: String(size) });
  const manifest = {
    source: response.headers.get('mandate-log-source'),
    size,
    root: response.headers.get('mandate-log-root'),
    format,
    filter,
    after: Number(options.after ?? 0),
    ...told.summary(),
    checkpoint: await checkpointOf(api, size),
    proof,
  };
  await writeFile(resolve(cwd, `${options.out}.manifest.json`), `${JSON.stringify(manifest, null, 2)}\n`);
  if (options.json) return context.output.json(manifest);
  context.output.line(
    `${manifest.events} events of a log of ${manifest.size} in ${options.out}${proof === null ? '' : `, proved in ${proof}`}`,
  );
};

/** The name of the file with the proof; null when nothing signs there. */
const proofInto = async (api: ApiClient, cwd: string, file: string, query: Record<string, string>): Promise<string | null> => {
  const response = await whenSigned(() => api.request('GET', `/api/audit/export/proof?${new URLSearchParams(query)}`));
  if (response === null) return null;
  const sink = await fileSink(cwd, file);
  for await (const bytes of piecesOf(response)) await sink.write(bytes);
  await sink.end();
  return file;
};

const CHECKPOINT_TRIES = 10;
const CHECKPOINT_PAUSE_MS = 500;

/** The signed head of a log that is at least so long: it commits to every record that was exported. Null when nothing signs there. */
const checkpointOf = (api: ApiClient, size: number): Promise<string | null> =>
  whenSigned(async () => {
    const note = await api.text('/api/audit/log/checkpoint');
    return Number(note.split('\n')[1]) >= size ? note : null;
  });

/** A log’s head is signed every second. Null when it is not within some. */
const whenSigned = async <T>(ask: () => Promise<T | null>): Promise<T | null> => {
  for (let tries = 0; tries < CHECKPOINT_TRIES; tries++) {
    const answer = await ask().catch((error: unknown) => {
      if (error instanceof CliError && error.code === 'NOT_SIGNED_YET') return null;
      throw error;
    });
    if (answer !== null) return answer;
    await delay(CHECKPOINT_PAUSE_MS);
  }
  return null;
};

/** Counts and hashes what passes. */
class ToldLines {
  private readonly hash = createHash('sha256');
  private lines: number;
  private bytes = 0;

  constructor(headLines: number) {
    this.lines = -headLines;
  }

  add(bytes: Uint8Array): void {
    this.hash.update(bytes);
    this.bytes += bytes.length;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) this.lines++;
  }

  summary(): { events: number; bytes: number; sha256: string } {
    return { events: this.lines, bytes: this.bytes, sha256: this.hash.digest('hex') };
  }
}

const NEWLINE = 10;

const sinkOf = async ({ output, surroundings }: CommandContext, { out, syslog, ca }: ExportOptions): Promise<Sink> => {
  if (syslog) return SyslogSender.connect(syslog, ca);
  if (!out) return { write: async (bytes) => output.bytes(bytes), end: async () => undefined };
  return fileSink(surroundings.cwd, out);
};

const fileSink = async (cwd: string, out: string): Promise<Sink> => {
  const file = createWriteStream(resolve(cwd, out), { mode: 0o600 });
  const failed = new Promise<never>((_resolve, reject) =>
    file.once('error', (error) => reject(new CliError('FILE_UNWRITABLE', `cannot write ${out}: ${error.message}`, EXIT.usage))),
  );
  failed.catch(() => undefined); // told by whoever waits for the file next
  await Promise.race([once(file, 'open'), failed]);
  return {
    write: async (bytes) => {
      if (!file.write(bytes)) await Promise.race([once(file, 'drain'), failed]);
    },
    end: async () => {
      file.end();
      await Promise.race([once(file, 'close'), failed]);
    },
  };
};
