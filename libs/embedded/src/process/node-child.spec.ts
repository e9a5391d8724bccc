import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startNodeChild } from './node-child.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mandate-child-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each([
  ['1', 'unavailable'],
  ['2', 'invalid'],
])('tells what a program said that ends with status %s, as %s', async (status, kind) => {
  const starting = startNodeChild({
    name: 'painter',
    script: fileURLToPath(new URL('../../fixtures/leaves.mjs', import.meta.url)),
    env: { ...process.env, STATUS: status },
    logFile: join(folder, `${status}.log`),
  });
  await expect(starting).rejects.toMatchObject({ code: 'CHILD_FAILED', kind });
  await expect(starting).rejects.toThrow('COLOUR must be red');
});
