/**
 * Loaded into a process before its program (`--import`): kills it with SIGKILL at one exact step of what it says to others or is told. A step is named by
 * the bytes on its sockets, so production code knows nothing of it. It is ordered by a message of the parent process.
 */
import { Socket } from 'node:net';
import type { DeathOrder } from './points.js';

const die = (): void => void process.kill(process.pid, 'SIGKILL');

/** Once the kernel has everything that was written. */
const dieWhenSent = (socket: Socket): void => {
  if (socket.writableLength === 0) die();
  else setImmediate(() => dieWhenSent(socket));
};

const bytesOf = (chunk: unknown, encoding: unknown): Buffer =>
  typeof chunk === 'string'
    ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
    : Buffer.from(chunk as Uint8Array);

const obey = ({ when, text, before }: DeathOrder): void => {
  const isIt = (bytes: Buffer): boolean => bytes.includes(text);
  const awaiting = new WeakSet<Socket>();
  const { write, push } = Socket.prototype as unknown as Record<'write' | 'push', (this: Socket, ...args: unknown[]) => boolean>;
  const patched = {
    write(this: Socket, ...args: unknown[]): boolean {
      const bytes = bytesOf(args[0], args[1]);
      if (when === 'told' || !isIt(bytes)) return write.apply(this, args);
      if (when === 'before-saying') {
        // What goes out in the same piece ahead of it has been said.
        const cut = before === undefined ? 0 : Math.max(0, bytes.lastIndexOf(before, bytes.indexOf(text)));
        write.call(this, bytes.subarray(0, cut));
        dieWhenSent(this);
        return true;
      }
      const more = write.apply(this, args);
      if (when === 'answered') awaiting.add(this);
      else setImmediate(() => dieWhenSent(this));
      return more;
    },
    push(this: Socket, ...args: unknown[]): boolean {
      if (args[0] && (awaiting.has(this) || (when === 'told' && isIt(bytesOf(args[0], args[1]))))) die();
      return push.apply(this, args);
    },
  };
  Object.assign(Socket.prototype, patched);
};

process.once('message', (order) => obey(order as DeathOrder));
process.channel?.unref();
