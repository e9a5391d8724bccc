/** The official image of a Docker engine that answers. Only the program is taken out of it: supervised like any other, it needs no engine. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tail } from '../process/run.js';
import { PINNED_VERSION, PROGRAM, type Way } from './way.js';

const IMAGE = `nats:${PINNED_VERSION}-alpine`;
/** Where the official Alpine image keeps it (its Dockerfile copies it there). */
const IN_IMAGE = '/usr/local/bin/nats-server';
const ANSWER_MS = 3_000;
const PULL_MS = 120_000;

export const fromDocker: Way = {
  name: 'Docker',
  how: `taken from the official image ${IMAGE}`,
  obtain: async ({ binDir, run, platform, report }) => {
    if (platform !== 'linux') return { reason: 'the image holds a Linux program' };
    const engine = await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeoutMs: ANSWER_MS });
    if (engine.status !== 0) return { reason: 'no engine answers' };
    const present = await run('docker', ['image', 'inspect', IMAGE], { timeoutMs: ANSWER_MS });
    if (present.status !== 0) {
      report(`Pulling ${IMAGE}`);
      const pull = await run('docker', ['pull', IMAGE], { timeoutMs: PULL_MS, firstOutputMs: 2 * ANSWER_MS });
      if (pull.status !== 0) return { reason: `cannot pull ${IMAGE}: ${tail(pull.output, 1) || 'no answer'}` };
    }
    const created = await run('docker', ['create', IMAGE], { timeoutMs: 2 * ANSWER_MS });
    if (created.status !== 0) return { reason: `cannot create a container: ${tail(created.output, 1)}` };
    const container = created.stdout.trim();
    const half = join(binDir, `${PROGRAM}.docker`);
    await mkdir(binDir, { recursive: true });
    const copied = await run('docker', ['cp', '-L', `${container}:${IN_IMAGE}`, half], { timeoutMs: PULL_MS });
    await run('docker', ['rm', container], { timeoutMs: 2 * ANSWER_MS });
    if (copied.status !== 0) {
      await rm(half, { force: true });
      return { reason: `cannot copy from the image: ${tail(copied.output, 1)}` };
    }
    const path = join(binDir, PROGRAM);
    await rename(half, path);
    return { path };
  },
};
