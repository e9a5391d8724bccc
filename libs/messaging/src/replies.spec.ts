import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { testNats, type TestNats } from '@mandate/testing';
import { connect, headers as newHeaders, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { Replies } from './replies.js';

let nats: TestNats;
let connection: NatsConnection;
let server: NatsConnection;
let replies: Replies;
const subscriptions: Subscription[] = [];
beforeAll(async () => {
  nats = await testNats();
  [connection, server] = await Promise.all([connect({ servers: nats.url }), connect({ servers: nats.url })]);
});
beforeEach(async () => {
  replies = new Replies(connection);
  await connection.flush(); // what others publish may overtake the subscription
});
afterEach(() => {
  replies.stop();
  for (const subscription of subscriptions.splice(0)) subscription.unsubscribe();
});
afterAll(async () => {
  await Promise.all([connection.close(), server.close()]);
  await nats.stop();
});

const serve = async (subject: string, handle: NonNullable<Parameters<NatsConnection['subscribe']>[1]>['callback']): Promise<void> => {
  subscriptions.push(server.subscribe(subject, { ...(handle ? { callback: handle } : {}) }));
  await server.flush();
};

it('gives each of many requests its own answer', async () => {
  await serve('echo', (_error, message) => void message.respond(message.data));
  const asked = Array.from({ length: 500 }, (_, i) => String(i));
  const answers = await Promise.all(asked.map((body) => replies.request('echo', body, { timeoutMs: 5_000 })));
  expect(answers.map((answer) => answer.string())).toEqual(asked);
});

it('sends headers along', async () => {
  await serve('traced', (_error, message) => void message.respond(message.headers?.get('traceparent') ?? 'none'));
  const headers = newHeaders();
  headers.set('traceparent', 'it');
  expect((await replies.request('traced', '', { timeoutMs: 5_000, headers })).string()).toBe('it');
});

it('takes an empty answer for an answer', async () => {
  await serve('empty', (_error, message) => void message.respond());
  expect((await replies.request('empty', '', { timeoutMs: 5_000 })).data).toHaveLength(0);
});

it('says at once that nobody listens', async () => {
  const askedAt = performance.now();
  await expect(replies.request('nobody', '', { timeoutMs: 20_000 })).rejects.toMatchObject({ code: 'NO_RESPONDERS', kind: 'unavailable' });
  expect(performance.now() - askedAt).toBeLessThan(10_000);
});

it('gives up in time on one that does not answer, and never before', async () => {
  await serve('silent', () => undefined);
  const askedAt = performance.now();
  await expect(replies.request('silent', '', { timeoutMs: 250 })).rejects.toMatchObject({ code: 'TIMED_OUT', kind: 'unavailable' });
  expect(performance.now() - askedAt).toBeGreaterThanOrEqual(250);
});

it('takes the first answer, and only that', async () => {
  const { replyTo, answer } = replies.expect(5_000);
  server.publish(replyTo, 'first');
  server.publish(replyTo, 'second');
  expect((await answer).string()).toBe('first');
  await server.flush();
});

it('does not wait for what was forgotten', async () => {
  const { answer, forget } = replies.expect(5_000);
  let settled = false;
  void answer.then(
    () => (settled = true),
    () => (settled = true),
  );
  forget();
  replies.stop();
  await connection.flush();
  expect(settled).toBe(false);
});

it('rejects what still waits when it is stopped', async () => {
  await serve('late', () => undefined);
  const waiting = replies.request('late', '', { timeoutMs: 20_000 });
  replies.stop();
  await expect(waiting).rejects.toMatchObject({ code: 'STOPPED' });
});
