/** Lines to a syslog server: each a message with its length before it (RFC 6587, 3.4.1), over TCP or TLS (RFC 5425). */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CliError, EXIT } from '../exit.js';

const CONNECT_MS = 10_000;
const PORTS: Readonly<Record<string, number>> = { 'tcp:': 601, 'tls:': 6514 };
const NEWLINE = 10;

export class SyslogSender {
  /** The beginning of a line whose end has not come yet. */
  private rest = Buffer.alloc(0);
  private failure: Error | null = null;

  private constructor(private readonly socket: Socket) {
    socket.on('error', (error) => (this.failure = error));
  }

  static async connect(address: string, caFile?: string): Promise<SyslogSender> {
    const url = URL.canParse(address) ? new URL(address) : null;
    const port = url && PORTS[url.protocol];
    if (!url || !port || !url.hostname)
      throw new CliError('BAD_SYSLOG_URL', `--syslog takes tcp://host:port or tls://host:port, not ${address}`, EXIT.usage);
    const to = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || port, timeout: CONNECT_MS };
    const socket = url.protocol === 'tls:' ? connectTls({ ...to, ...authorityOf(caFile) }) : connectTcp(to);
    try {
      const late = once(socket, 'timeout').then(() => Promise.reject(new Error('no answer in time')));
      late.catch(() => undefined);
      await Promise.race([once(socket, url.protocol === 'tls:' ? 'secureConnect' : 'connect'), late]);
    } catch (error) {
      socket.destroy();
      throw new CliError('UNREACHABLE', `cannot reach ${address}: ${(error as Error).message}`, EXIT.unreachable);
    }
    socket.setTimeout(0);
    return new SyslogSender(socket);
  }

  async write(bytes: Uint8Array): Promise<void> {
    const text = Buffer.concat([this.rest, bytes]);
    const frames: Buffer[] = [];
    let start = 0;
    for (let end = text.indexOf(NEWLINE); end >= 0; end = text.indexOf(NEWLINE, start)) {
      if (end > start) frames.push(Buffer.from(`${end - start} `), text.subarray(start, end));
      start = end + 1;
    }
    this.rest = text.subarray(start);
    this.assertConnected();
    if (!this.socket.write(Buffer.concat(frames))) await Promise.race([once(this.socket, 'drain'), once(this.socket, 'close')]);
    this.assertConnected();
  }

  async end(): Promise<void> {
    this.assertConnected();
    this.socket.end();
    await once(this.socket, 'close');
    if (this.failure) this.assertConnected();
  }

  private assertConnected(): void {
    if (this.failure || this.socket.destroyed)
      throw new CliError(
        'SYSLOG_LOST',
        `the syslog server went away: ${this.failure?.message ?? 'closed'}; export again with --after`,
        EXIT.unreachable,
      );
  }
}

const authorityOf = (file: string | undefined): { ca?: string } => {
  if (file === undefined) return {};
  try {
    return { ca: readFileSync(file, 'utf8') };
  } catch (error) {
    throw new CliError('FILE_UNREADABLE', `cannot read ${file}: ${(error as Error).message}`, EXIT.usage);
  }
};
