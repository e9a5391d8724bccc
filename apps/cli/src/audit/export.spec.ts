/** The trail on its way to a terminal, a file, a syslog server. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '@mandate/testing';
import { generate } from 'selfsigned';
import { ApiServer } from '../../spec/api-server.js';
import { run } from '../run.js';

const LINES = '{"position":1,"über":true}\n{"position":2}\n';

let api: ApiServer;
let folder: string;

beforeAll(async () => {
  api = await ApiServer.start();
  folder = mkdtempSync(join(tmpdir(), 'mandate-export-'));
});
beforeEach(() => api.reset());
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

const mandate = async (...args: string[]): Promise<{ status: number; out: string; err: string }> => {
  const ran = { out: '', err: '' };
  const stdout = { write: (text: string | Uint8Array) => (ran.out += typeof text === 'string' ? text : Buffer.from(text).toString()) };
  const streams = { stdout, stderr: { write: (text: string) => (ran.err += text) } };
  return { status: await run({ args: ['audit', ...args], streams, env: { MANDATE_API_URL: api.url }, cwd: folder }), ...ran };
};

describe('mandate audit export', () => {
  it('prints what the service answers, as it is', async () => {
    api.on('GET /api/audit/export?actor=ann&outcome=denied&format=ocsf&after=7', { type: 'application/x-ndjson', body: LINES });
    const ran = await mandate('export', '--format', 'ocsf', '--actor', 'ann', '--outcome', 'denied', '--after', '7');
    expect(ran).toMatchObject({ status: 0, out: LINES });
  });

  it('writes a file, and beside it what it is of', async () => {
    api.on('GET /api/audit/export?format=jsonl', { type: 'application/x-ndjson', body: LINES });
    const note = 'mandate/log\n7\nroot\n\n— mandate/log signature\n';
    api.on('GET /api/audit/log/checkpoint', { type: 'text/plain', body: note });
    api.on('GET /api/audit/export/proof?format=jsonl&size=0', { type: 'application/x-ndjson', body: 'the proof\n' });
    const file = join(folder, 'trail.jsonl');
    expect((await mandate('export', '--out', file)).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(LINES);
    expect(readFileSync(`${file}.proof`, 'utf8')).toBe('the proof\n');
    const sha256 = createHash('sha256').update(LINES).digest('hex');
    expect(JSON.parse(readFileSync(`${file}.manifest.json`, 'utf8'))).toMatchObject({
      format: 'jsonl',
      events: 2,
      sha256,
      checkpoint: note,
      proof: `${file}.proof`,
    });
  });

  it.each([[[]], [['--out', 'broken.jsonl']]])('says so when the answer breaks off, with %j', async (args) => {
    api.on('GET /api/audit/export?format=jsonl', { body: LINES, breaks: true });
    const { status, err } = await mandate('export', ...args);
    expect({ status, err }).toEqual({ status: 3, err: expect.stringContaining('BROKEN_OFF') });
  });

  it('says so when the proof breaks off', async () => {
    api.on('GET /api/audit/export?format=jsonl', { body: LINES });
    api.on('GET /api/audit/export/proof?format=jsonl&size=0', { body: 'the proof', breaks: true });
    const { status, err } = await mandate('export', '--out', join(folder, 'unproved.jsonl'));
    expect({ status, err }).toEqual({ status: 3, err: expect.stringContaining('BROKEN_OFF') });
  });

  it.each([
    [['--since', 'yesterday'], 2, 'BAD_TIME'],
    [['--out', '/nowhere/at/all'], 2, 'FILE_UNWRITABLE'],
    [['--out', 'x', '--syslog', 'tcp://localhost'], 2, 'TWO_SINKS'],
    [['--syslog', 'http://localhost'], 2, 'BAD_SYSLOG_URL'],
    [['--syslog', 'tls://localhost', '--ca', '/nowhere.pem'], 2, 'FILE_UNREADABLE'],
    [['--syslog', 'tcp://127.0.0.1:1'], 3, 'UNREACHABLE'],
  ])('refuses %j with status %i and %s', async (args, status, code) => {
    const body = { body: LINES };
    api.on('GET /api/audit/export?format=jsonl', body);
    api.on('GET /api/audit/export?format=syslog', body);
    const ran = await mandate('export', ...args);
    expect(ran.status).toBe(status);
    expect(ran.err).toContain(code);
  });
});

describe('mandate audit export --syslog', () => {
  const receive = async (
    make: (listener: (socket: Socket) => void) => Server,
  ): Promise<{ port: number; text: () => string; stop: () => Promise<void> }> => {
    let text = '';
    const server = make((socket) => socket.on('data', (bytes: Buffer) => (text += bytes.toString())));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      port: (server.address() as AddressInfo).port,
      text: () => text,
      stop: () => new Promise((resolve) => server.close(() => resolve())),
    };
  };
  const framed = LINES.trimEnd()
    .split('\n')
    .map((line) => `${Buffer.byteLength(line)} ${line}`)
    .join('');

  it('frames each message by its octets', async () => {
    const server = await receive(createServer);
    api.on('GET /api/audit/export?format=syslog', { body: LINES });
    expect((await mandate('export', '--syslog', `tcp://127.0.0.1:${server.port}`)).status).toBe(0);
    await until(() => server.text() === framed, { what: 'both messages' });
    await server.stop();
  });

  it('speaks TLS, and only with a server that its authority vouches for', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 });
    const server = await receive((listener) => createTlsServer({ key, cert }, listener));
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, cert);
    api.on('GET /api/audit/export?format=syslog', { body: LINES });
    const to = `tls://localhost:${server.port}`;
    const stranger = await mandate('export', '--syslog', to);
    expect(stranger).toMatchObject({ status: 3 });
    expect(stranger.err).toContain('self-signed');
    expect((await mandate('export', '--syslog', to, '--ca', ca)).status).toBe(0);
    await until(() => server.text() === framed, { what: 'both messages' });
    await server.stop();
  });
});
