/** Debian's own package, fetched and unpacked with an apt state of its own: nothing is installed on the system, and root is not needed. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tail } from '../process/run.js';
import { PROGRAM, type Machine, type Outcome, type Way } from './way.js';

const KEYRING = 'usr/share/keyrings/debian-archive-keyring.gpg';
const OFFICIAL_MIRROR = 'http://deb.debian.org/debian';
const FIRST_CONTACT_S = 5;
const TIMEOUT_MS = 60_000;

/** Addresses that one-line (`deb [options] URI suite …`) and deb822 (`URIs: …`) sources name. */
const addressesIn = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .flatMap((line) => {
      if (line.startsWith('URIs:')) return line.slice(5).trim().split(/\s+/);
      return /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)/.exec(line)?.slice(1) ?? [];
    });

/** The mirrors of Debian's main archive that this machine already uses, then the official one. */
export const debianMirrors = async (root: string): Promise<string[]> => {
  const apt = join(root, 'etc/apt');
  const parts = await readdir(join(apt, 'sources.list.d')).catch(() => []);
  const files = ['sources.list', ...parts.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join('sources.list.d', name))];
  const texts = await Promise.all(files.map((file) => readFile(join(apt, file), 'utf8').catch(() => '')));
  const own = texts.flatMap(addressesIn).map((address) => address.replace(/\/$/, ''));
  return [...new Set([...own.filter((address) => /^https?:\/\/.*\/debian$/.test(address)), OFFICIAL_MIRROR])];
};

const aptOptions = (folder: string): string[] =>
  Object.entries({
    'Dir::Etc::sourcelist': join(folder, 'sid.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::Cache': join(folder, 'cache'),
    'APT::Sandbox::User': 'root',
    'APT::Update::Error-Mode': 'any',
    'Acquire::Languages': 'none',
    'Acquire::PDiffs': 'false',
    'Acquire::Retries': '0',
    'Acquire::http::Timeout': FIRST_CONTACT_S,
    'Acquire::https::Timeout': FIRST_CONTACT_S,
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);

const fetchFrom = async ({ run, root, binDir }: Machine, mirror: string, folder: string): Promise<Outcome> => {
  const options = aptOptions(folder);
  for (const part of ['lists/partial', 'cache/archives/partial', 'unpacked']) await mkdir(join(folder, part), { recursive: true });
  await writeFile(join(folder, 'sid.list'), `deb [signed-by=${join(root, KEYRING)}] ${mirror} sid main\n`);
  const step = async (command: string, args: string[]): Promise<string | undefined> => {
    const { status, output } = await run(command, args, { cwd: folder, timeoutMs: TIMEOUT_MS });
    return status === 0 ? undefined : `${mirror}: ${tail(output, 1) || 'no answer'}`;
  };
  const failure =
    (await step('apt-get', [...options, 'update', '-qq'])) ?? (await step('apt-get', [...options, 'download', '-qq', PROGRAM]));
  if (failure) return { reason: failure };
  const file = (await readdir(folder)).find((name) => name.endsWith('.deb'));
  if (!file) return { reason: `${mirror} has no ${PROGRAM}` };
  const refused = await step('dpkg', ['-x', join(folder, file), join(folder, 'unpacked')]);
  if (refused) return { reason: refused };
  const programs = ['usr/sbin', 'usr/bin'].map((directory) => join(folder, 'unpacked', directory, PROGRAM));
  const program = programs.find((path) => existsSync(path));
  if (!program) return { reason: `${file} holds no ${PROGRAM}` };
  await rename(program, join(binDir, PROGRAM));
  return { path: join(binDir, PROGRAM) };
};

export const fromDebian: Way = {
  name: "Debian's package",
  how: "fetched as Debian's own package (sid), unpacked only, not installed",
  obtain: async (machine) => {
    if (machine.platform !== 'linux' || !existsSync(join(machine.root, KEYRING))) return { reason: 'no Debian-like system' };
    const reasons: string[] = [];
    await mkdir(machine.binDir, { recursive: true });
    for (const mirror of await debianMirrors(machine.root)) {
      const folder = await mkdtemp(join(machine.binDir, 'apt-'));
      try {
        machine.report(`Fetching ${PROGRAM} from ${mirror} (sid)`);
        const outcome = await fetchFrom(machine, mirror, folder);
        if ('path' in outcome) return outcome;
        reasons.push(outcome.reason);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
    return { reason: reasons.join('; ') };
  },
};
