/** What is retired goes to a file first: the stored bytes, one event a line, read back and compared before anything is dropped. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip, createGzip } from 'node:zlib';
import { linesOf } from '@mandate/audit-log';
import { leafHash } from '@mandate/event-store';
import { AppError } from '@mandate/kernel';
import type { LoggedRecord, LogReader } from '../log/log-reader.js';

export interface Archived {
  file: string;
  /** Of the file, hex. */
  sha256: string;
  bytes: number;
}

interface ArchivedLine {
  position: number;
  recordedAt: string;
  leafHash: string;
  /** RFC 8785 JSON of the envelope: exactly what was hashed. */
  canonical: string;
}

const CHUNK = 500;

export class Archive {
  constructor(
    private readonly folder: string,
    private readonly log: LogReader,
  ) {}

  /** Positions from `from` up to, and without, `to`. Throws AppError `ARCHIVE_DIFFERS` when what was written is not what is stored. */
  async write(from: number, to: number): Promise<Archived> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const name = `events-${from}-${to - 1}.jsonl.gz`;
    const half = join(this.folder, `${name}.new`);
    await this.export(half, from, to);
    const sha256 = await this.verify(half, from, to);
    await rename(half, join(this.folder, name));
    return { file: name, sha256, bytes: (await stat(join(this.folder, name))).size };
  }

  private async export(file: string, from: number, to: number): Promise<void> {
    const handle = await open(file, 'w', 0o600);
    const gzip = createGzip();
    const written = (async () => {
      for await (const chunk of gzip) await handle.write(chunk as Buffer);
    })();
    try {
      for (let first = from; first < to; first += CHUNK)
        for (const record of await this.log.chunk(first, Math.min(to, first + CHUNK) - 1))
          if (!gzip.write(`${JSON.stringify(lineOf(record))}\n`)) await once(gzip, 'drain');
      gzip.end();
      await written;
      await handle.sync();
    } finally {
      gzip.destroy();
      await handle.close();
    }
  }

  /** Resolves to the file's digest. */
  private async verify(file: string, from: number, to: number): Promise<string> {
    const digest = createHash('sha256');
    const bytes = createReadStream(file);
    bytes.on('data', (chunk) => digest.update(chunk));
    const lines = linesOf(bytes.pipe(createGunzip()));
    for (let first = from; first < to; first += CHUNK)
      for (const stored of await this.log.chunk(first, Math.min(to, first + CHUNK) - 1)) {
        const { value } = (await lines.next()) as { value: string | undefined };
        const line = value === undefined ? null : (JSON.parse(value) as ArchivedLine);
        if (line?.position !== stored.position || !leafHash(Buffer.from(line.canonical)).equals(stored.leafHash))
          throw differs(file, stored.position);
      }
    if (!(await lines.next()).done) throw differs(file, to);
    return digest.digest('hex');
  }
}

const lineOf = ({ position, recordedAt, leafHash: hash, canonical }: LoggedRecord): ArchivedLine => ({
  position,
  recordedAt,
  leafHash: hash.toString('hex'),
  canonical,
});

const differs = (file: string, position: number): AppError =>
  new AppError('ARCHIVE_DIFFERS', 'internal', `${file} is not what is stored at position ${position}: nothing was dropped; check the disk`);
