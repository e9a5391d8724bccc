import { describe, expect, it } from '@jest/globals';
import { readEventStream } from './event-stream.js';

const read = async (...chunks: (string | Uint8Array)[]): Promise<unknown[]> => {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(typeof chunk === 'string' ? encoder.encode(chunk) : chunk);
      controller.close();
    },
  });
  const messages: unknown[] = [];
  for await (const message of readEventStream(body)) messages.push(message);
  return messages;
};

describe('readEventStream', () => {
  it('reads id, event and data; the id stays until another comes', async () =>
    expect(await read('id: 1\nevent: a\ndata: x\n\ndata: y\n\n')).toEqual([
      { id: '1', event: 'a', data: 'x' },
      { id: '1', event: 'message', data: 'y' },
    ]));
  it('joins several data lines', async () =>
    expect(await read('data: x\ndata:y\ndata\n\n')).toEqual([{ id: '', event: 'message', data: 'x\ny\n' }]));
  it.each(['\n', '\r\n', '\r'])('takes every line break (%j), also cut in two', async (br) => {
    const text = `data: x${br}${br}data: y${br}${br}${br === '\r' ? ':' : ''}`;
    expect(await read(...text)).toMatchObject([{ data: 'x' }, { data: 'y' }]);
  });
  it('puts characters together that chunks have cut', async () => {
    const bytes = new TextEncoder().encode('data: größe\n\n');
    expect(await read(bytes.slice(0, 9), bytes.slice(9))).toMatchObject([{ data: 'größe' }]);
  });
  it('leaves comments, messages without data and an unfinished end alone', async () =>
    expect(await read(': hello\n\nevent: a\n\nretry: 5\n\ndata: cut')).toEqual([]));
});
