import { once } from 'node:events';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Sends text as fast as it is read, and stops making it when the reader leaves. A reader who is not sent all of it sees the connection break. */
export const streamText = async (
  response: ServerResponse,
  headers: OutgoingHttpHeaders,
  text: (signal: AbortSignal) => AsyncIterable<string>,
): Promise<void> => {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  if (response.destroyed) return;
  response.writeHead(200, { ...headers, 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
  response.flushHeaders();
  try {
    for await (const lines of text(gone.signal))
      if (!response.write(lines) && !gone.signal.aborted) await once(response, 'drain', { signal: gone.signal });
    response.end();
  } catch (error) {
    if (gone.signal.aborted) return;
    response.destroy(); // a clean end would say that this is all
    throw error;
  }
};
