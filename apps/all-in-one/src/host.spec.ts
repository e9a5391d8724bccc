import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { AppError } from '@mandate/kernel';
import { createLogger, type Service } from '@mandate/service-host';
import { runHost, type HostProcess } from './host.js';
import { readMasterKey } from './master-key.js';
import { chooseServices, type Catalogue } from './services.js';

class RecordedProcess extends EventEmitter implements HostProcess {
  readonly sent: unknown[] = [];
  send = (message: unknown): unknown => this.sent.push(message);
  exit(code: number): void {
    this.emit('exit', code);
  }
}

const logger = createLogger({ service: 's', instance: 'i', level: 'silent' });

describe('the host', () => {
  it.each(['SIGTERM', 'SIGINT', 'disconnect'])('says that it is ready, and on %s closes and exits 0', async (signal) => {
    const process = new RecordedProcess();
    let closed = false;
    await runHost(async () => ({ url: 'http://x', close: async () => void (closed = true) }), process, logger);
    expect(process.sent).toEqual([{ type: 'ready', apiUrl: 'http://x' }]);
    const exit = once(process, 'exit');
    process.emit(signal);
    expect([await exit, closed]).toEqual([[0], true]);
  });

  it('exits 1 when it cannot start, and at the second signal', async () => {
    const process = new RecordedProcess();
    const failed = once(process, 'exit');
    await runHost(() => Promise.reject(new AppError('PORT_IN_USE', 'unavailable', 'taken')), process, logger);
    expect(await failed).toEqual([1]);

    const hanging = new RecordedProcess();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await runHost(async () => ({ url: '', close: () => held }), hanging, logger);
    hanging.emit('SIGINT');
    const second = once(hanging, 'exit');
    hanging.emit('SIGINT');
    expect(await second).toEqual([1]);
    const released = once(hanging, 'exit');
    release();
    await released;
  });
});

describe('the choice of services', () => {
  const service = (name: string): Service => ({ name, prefixes: [], start: () => Promise.reject(new Error('not started here')) });
  const catalogue: Catalogue = { a: async () => service('a'), b: async () => service('b') };
  const names = async (wanted: string[]): Promise<string[]> => (await chooseServices(wanted, catalogue)).map(({ name }) => name);

  it('is all of them, or those named, in the order of the start', async () => {
    expect(await names(['all'])).toEqual(['a', 'b']);
    expect(await names(['b'])).toEqual(['b']);
    await expect(chooseServices(['c'], catalogue)).rejects.toThrow(/there are all, a, b/);
  });
});

describe('the master key', () => {
  it('is 32 bytes in hex, and no error shows what the file holds', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mandate-'));
    await writeFile(join(folder, 'good'), 'AB'.repeat(32) + '\n');
    await writeFile(join(folder, 'bad'), 's3cret');
    expect(await readMasterKey(join(folder, 'good'))).toBe('ab'.repeat(32));
    await expect(readMasterKey(join(folder, 'bad'))).rejects.toThrow(/must hold 32 bytes/);
    await expect(readMasterKey(join(folder, 'bad'))).rejects.not.toThrow(/s3cret/);
    await expect(readMasterKey(join(folder, 'none'))).rejects.toThrow(/ENOENT/);
    await rm(folder, { recursive: true });
  });
});
