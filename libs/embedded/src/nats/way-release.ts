/** The official release over HTTPS, taken only when its digest stands in that release's SHA256SUMS. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@mandate/kernel';
import { tail } from '../process/run.js';
import { PINNED_VERSION, PROGRAM, type Machine, type Way } from './way.js';

/** Go's names for the architectures that releases are built for. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm7', s390x: 's390x', ppc64: 'ppc64le' };
const CONNECT_MS = 4_000;
const DOWNLOAD_MS = 120_000;

const get = async (machine: Machine, url: string, timeoutMs: number): Promise<Buffer> => {
  const response = await machine.fetch(url, { redirect: 'follow', signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
};

const digestIn = (sums: string, file: string): string | undefined =>
  sums
    .split('\n')
    .map((line) => line.trim().split(/\s+\*?/))
    .find(([, name]) => name === file)?.[0]
    ?.toLowerCase();

const assertDigest = (archive: Buffer, expected: string, url: string): void => {
  const digest = createHash('sha256').update(archive).digest('hex');
  if (digest === expected) return;
  throw new AppError(
    'CHECKSUM_MISMATCH',
    'unavailable',
    `${url} is not what its release says it is (SHA-256 ${digest}, expected ${expected}). Nothing of it was run. Try again, or install nats-server yourself.`,
  );
};

const unpack = async (machine: Machine, archive: Buffer, name: string): Promise<string> => {
  await mkdir(machine.binDir, { recursive: true });
  const folder = await mkdtemp(join(machine.binDir, 'unpacking-'));
  try {
    const file = join(folder, 'archive.tar.gz');
    await writeFile(file, archive);
    const { status, output } = await machine.run('tar', ['-xzf', file, '-C', folder, `${name}/${PROGRAM}`]);
    if (status !== 0) throw new Error(tail(output, 1));
    const path = join(machine.binDir, PROGRAM);
    await chmod(join(folder, name, PROGRAM), 0o755);
    await rename(join(folder, name, PROGRAM), path);
    return path;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

export const fromRelease: Way = {
  name: 'the official release',
  how: `fetched from the official release v${PINNED_VERSION}, digest checked`,
  obtain: async (machine) => {
    const arch = ARCHITECTURES[machine.arch];
    if (!arch || !['linux', 'darwin'].includes(machine.platform)) return { reason: `none for ${machine.platform}-${machine.arch}` };
    const name = `${PROGRAM}-v${PINNED_VERSION}-${machine.platform}-${arch}`;
    const base = `${machine.releases}/v${PINNED_VERSION}`;
    try {
      const expected = digestIn((await get(machine, `${base}/SHA256SUMS`, CONNECT_MS)).toString(), `${name}.tar.gz`);
      if (!expected) return { reason: `${name}.tar.gz does not stand in the release's SHA256SUMS` };
      machine.report(`Fetching ${base}/${name}.tar.gz`);
      const archive = await get(machine, `${base}/${name}.tar.gz`, DOWNLOAD_MS);
      assertDigest(archive, expected, `${base}/${name}.tar.gz`);
      return { path: await unpack(machine, archive, name) };
    } catch (error) {
      if (error instanceof AppError) throw error;
      const cause = (error as Error).cause;
      return { reason: `unreachable (${cause instanceof Error ? cause.message : (error as Error).message})` };
    }
  },
};
