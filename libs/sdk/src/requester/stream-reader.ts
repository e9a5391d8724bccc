/**
 * Reads one subject of the events stream by batched direct get (ADR-31: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-31.md):
 * a request and its answers, no consumer, nothing left behind on the server.
 */
import { EVENTS_STREAM } from '@mandate/contracts/wire';
import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { MandateError } from '../errors.js';
import { encodeJson } from '../wire.js';

const BATCH = 256;
const TIMEOUT_MS = 5_000;
const END_OF_BATCH = 204;
const NOTHING_FOUND = 404;

export interface StreamReader {
  connection: NatsConnection;
  inboxPrefix: string;
}

/** All messages of `subject` from stream sequence `from` on, and where to go on later. */
export const readSubject = async (reader: StreamReader, subject: string, from: number): Promise<{ messages: Msg[]; next: number }> => {
  const messages: Msg[] = [];
  for (let next = from; ;) {
    const batch = await readBatch(reader, { seq: next, batch: BATCH, next_by_subj: subject });
    const last = batch.at(-1);
    if (!last) return { messages, next };
    messages.push(...batch);
    next = Number(last.headers?.get('Nats-Sequence')) + 1;
    if (Number(last.headers?.get('Nats-Num-Pending')) === 0) return { messages, next };
  }
};

const readBatch = ({ connection, inboxPrefix }: StreamReader, request: object): Promise<Msg[]> =>
  new Promise((resolve, reject) => {
    const found: Msg[] = [];
    const inbox = createInbox(inboxPrefix);
    const end = (error?: Error): void => {
      clearTimeout(timeout);
      subscription.unsubscribe();
      if (error) reject(error);
      else resolve(found);
    };
    const timeout = setTimeout(() => end(new MandateError('STREAM_SILENT', `${EVENTS_STREAM} did not answer in time`)), TIMEOUT_MS);
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        const code = message.headers?.code ?? 0;
        if (error) end(error);
        else if (code === 0) found.push(message);
        else if (code === END_OF_BATCH || code === NOTHING_FOUND) end();
        else end(new MandateError('STREAM_REFUSED', `${EVENTS_STREAM} answered ${code} ${message.headers?.description ?? ''}`));
      },
    });
    connection.publish(`$JS.API.DIRECT.GET.${EVENTS_STREAM}`, encodeJson(request), { reply: inbox });
  });
