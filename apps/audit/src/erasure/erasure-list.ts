/** What was erased, kept outside the database: one that is restored to an earlier state must not bring anybody back. */
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@mandate/kernel';

export interface ErasedKeys {
  /** Of the erasure. */
  id: string;
  tenant: string;
  /** Blind index, hex; null: only delegations. */
  subject: string | null;
  kids: string[];
  delegations: string[];
}

const FILE = 'erasures.jsonl';

/** A file of JSON lines, only ever added to, by one process at a time (its caller's turn). It names nobody: blind indexes, keys and delegations. */
export class ErasureList {
  private readonly file: string;

  constructor(private readonly folder: string) {
    this.file = join(folder, FILE);
  }

  /** Resolves once it is on the disk. */
  async add(erased: ErasedKeys): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const handle = await open(this.file, 'a+', 0o600);
    try {
      // A crash may have left a line without its end.
      const { size } = await handle.stat();
      const whole = size === 0 || (await handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0] === 0x0a;
      await handle.appendFile(`${whole ? '' : '\n'}${JSON.stringify(erased)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Throws AppError `ERASURES_UNREADABLE` for a line that is none of ours; one that a crash cut off was never relied upon. */
  async all(): Promise<ErasedKeys[]> {
    const text = await readFile(this.file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw this.unreadable(error);
    });
    return text
      .split('\n')
      .filter((line) => line !== '')
      .flatMap((line) => this.parsed(line));
  }

  private parsed(line: string): ErasedKeys[] {
    try {
      return [JSON.parse(line) as ErasedKeys];
    } catch (error) {
      if (!line.endsWith('}')) return [];
      throw this.unreadable(error);
    }
  }

  private unreadable(cause: unknown): AppError {
    return new AppError(
      'ERASURES_UNREADABLE',
      'internal',
      `${this.file} cannot be read: restore it from its backup. Without it a restored database may hold data of erased persons`,
      {},
      { cause },
    );
  }
}
