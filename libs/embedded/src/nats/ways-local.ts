/** What is on the machine already. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PROGRAM, type Way } from './way.js';

export const onPath: Way = {
  name: 'PATH',
  how: 'found on PATH',
  obtain: async ({ env }) => {
    const path = (env['PATH'] ?? '')
      .split(delimiter)
      .filter(Boolean)
      .map((directory) => join(directory, PROGRAM))
      .find((candidate) => existsSync(candidate));
    return path ? { path } : { reason: 'not found' };
  },
};

export const kept: Way = {
  name: 'the kept program',
  how: 'kept from an earlier start',
  obtain: async ({ binDir }) => {
    const path = join(binDir, PROGRAM);
    return existsSync(path) ? { path } : { reason: `no ${path}` };
  },
};
