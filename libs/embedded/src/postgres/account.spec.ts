import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Run } from '../process/run.js';
import { isReachable, serverAccount } from './account.js';

const answer = (status: number, stdout = '') => ({ status, stdout, output: stdout });
const ROOT = 0;

describe('the user that PostgreSQL runs as', () => {
  it('is whoever starts it, unless that is root', async () => {
    const run: Run = () => Promise.reject(new Error('nothing is to be run'));
    expect(await serverAccount(run, () => undefined, 1000)).toEqual({});
  });

  it('is made for root once, and its making is said', async () => {
    let made = false;
    const said: string[] = [];
    const run: Run = async (command, args) => {
      if (command === 'useradd') made = true;
      return command === 'id' && !made ? answer(1) : answer(0, args[0] === '-u' ? '101\n' : '104\n');
    };
    expect(await serverAccount(run, (line) => said.push(line), ROOT)).toEqual({ uid: 101, gid: 104 });
    expect(await serverAccount(run, (line) => said.push(line), ROOT)).toEqual({ uid: 101, gid: 104 });
    expect(said).toHaveLength(1);
  });

  it('is asked for when it cannot be made', async () => {
    const run: Run = async () => answer(1, 'no such command');
    await expect(serverAccount(run, () => undefined, ROOT)).rejects.toMatchObject({ code: 'NO_POSTGRES_USER' });
  });

  it('reaches a file only where every directory on the way lets it through', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mandate-'));
    const other = { uid: 54_321, gid: 54_321 };
    await mkdir(join(folder, 'data'));
    await chmod(folder, 0o711);
    expect(await isReachable(join(folder, 'data'), other)).toBe(true);
    await chmod(folder, 0o700);
    expect(await isReachable(join(folder, 'data'), other)).toBe(false);
    expect(await isReachable(join(folder, 'data'), {})).toBe(true);
    await rm(folder, { recursive: true });
  });
});
