/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) of one delegation. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EventView } from '@mandate/contracts';
import { AppError } from '@mandate/kernel';

export const EVENT_STREAM = 'text/event-stream';

const HEARTBEAT_MS = 15_000;
const RECONNECT_MS = 2_000;
const POSITION = /^\d{1,15}$/;

export const wantsEventStream = (request: IncomingMessage): boolean => request.headers.accept?.includes(EVENT_STREAM) ?? false;

/** Where a reader goes on: what its browser saw last, else what it asks for. */
export const resumeAfter = (request: IncomingMessage, after: number | undefined): number => {
  const last = request.headers['last-event-id'];
  if (last === undefined || last === '') return after ?? 0;
  if (typeof last !== 'string' || !POSITION.test(last))
    throw new AppError('INVALID_FIELD', 'invalid', 'Last-Event-ID must be the position of an event', { field: 'Last-Event-ID' });
  return Number(last);
};

/**
 * Writes what `follow` yields until it ends or the reader leaves; a slow reader holds `follow` back.
 * Comments in between keep proxies from closing a quiet connection.
 */
export const streamEvents = async (response: ServerResponse, follow: (signal: AbortSignal) => AsyncIterable<EventView>): Promise<void> => {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.once('error', () => gone.abort());
  response.writeHead(200, { 'content-type': EVENT_STREAM, 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
  response.write(`retry: ${RECONNECT_MS}\n\n`);
  const heartbeat = setInterval(() => {
    if (!response.writableEnded && !response.writableNeedDrain) response.write(': heartbeat\n\n');
  }, HEARTBEAT_MS);
  try {
    for await (const event of follow(gone.signal)) {
      if (response.writableEnded || gone.signal.aborted) break;
      if (!response.write(frame(event))) await once(response, 'drain', { signal: gone.signal });
    }
  } catch (error) {
    if (gone.signal.aborted) return;
    response.destroy(); // a clean end would say that the delegation has ended
    throw error;
  } finally {
    clearInterval(heartbeat);
    if (!response.writableEnded && !response.destroyed && !response.errored) response.end();
  }
};

/** JSON text holds no line break, so one `data` line carries it. */
const frame = (event: EventView): string => `id: ${event.position}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
