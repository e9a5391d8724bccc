/** A witness (c2sp.org/tlog-witness): cosigns a log's head when it grew from the one that it cosigned before, which it keeps on its own disk. */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  decideAddCheckpoint,
  formatCheckpoint,
  formatSignature,
  formatSignerKey,
  formatVerifierKey,
  KEY_TYPES,
  parseCheckpointText,
  parseSignerKey,
  toHex,
  utf8,
  type NoteVerifier,
  type Signer,
  type Witnessed,
} from '@mandate/audit-log';
import { AppError, type Clock } from '@mandate/kernel';
import { nodeCrypto, readIfThere, writeDurably } from '@mandate/signing';
import { hasher } from '../trust.js';

export interface WitnessOptions {
  /** Of the key and of what was cosigned. One witness a folder. */
  folder: string;
  /** Of the key, when it is made. */
  name: string;
  /** Public keys of the logs that it serves; a log is known by its key's name. */
  logs: readonly NoteVerifier[];
  clock: Clock;
}

export interface WitnessAnswer {
  status: number;
  contentType: string;
  body: string;
}

const TEXT = 'text/plain; charset=utf-8';

export class Witness {
  /** One request of any log after the other: what is compared must be what is replaced. */
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly signer: Signer,
    private readonly options: WitnessOptions,
  ) {}

  static async open(options: WitnessOptions): Promise<Witness> {
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const file = join(options.folder, 'witness.key');
    const kept = await readIfThere(file);
    const text = kept ?? formatSignerKey(nodeCrypto, options.name, KEY_TYPES.cosignature, randomBytes(32));
    if (kept === undefined) await writeDurably(file, `${text}\n`);
    return new Witness(parseSignerKey(nodeCrypto, text), options);
  }

  get vkey(): string {
    return formatVerifierKey(this.signer.key);
  }

  /** An `add-checkpoint` request. */
  add(body: Uint8Array): Promise<WitnessAnswer> {
    const answer = this.turn.then(() => this.decide(body));
    this.turn = answer.catch(() => undefined);
    return answer;
  }

  private async decide(body: Uint8Array): Promise<WitnessAnswer> {
    const { logs, clock } = this.options;
    const last = new Map(
      await Promise.all([...new Set(logs.map(({ name }) => name))].map(async (name) => [name, await this.recall(name)] as const)),
    );
    const verdict = decideAddCheckpoint(
      hasher,
      body,
      (origin) => logs.filter(({ name }) => name === origin),
      (origin) => last.get(origin) ?? null,
    );
    if (verdict.status !== 200)
      return {
        status: verdict.status,
        contentType: verdict.body === undefined ? TEXT : 'text/x.tlog.size',
        body: verdict.body ?? `${verdict.reason}\n`,
      };
    const { origin, witnessed, text } = verdict;
    await writeDurably(this.fileOf(origin), formatCheckpoint({ origin, ...witnessed }));
    const time = BigInt(Math.floor(clock.now() / 1000));
    return { status: 200, contentType: TEXT, body: formatSignature(this.signer.sign(text, time)) };
  }

  private async recall(origin: string): Promise<Witnessed | null> {
    const text = await readIfThere(this.fileOf(origin));
    if (text === undefined) return null;
    const kept = parseCheckpointText(text);
    if (kept?.origin === origin) return kept;
    throw new AppError('WITNESS_MEMORY_LOST', 'internal', `${this.fileOf(origin)} does not say what was cosigned last: restore it`);
  }

  private fileOf(origin: string): string {
    return join(this.options.folder, `${toHex(nodeCrypto.sha256(utf8(origin))).slice(0, 32)}.cosigned`);
  }
}
