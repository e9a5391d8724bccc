// A whole Mandate worker without the SDK: a plain NATS client and the contract's section 3.2.
// NATS_URL=nats://127.0.0.1:7422 MANDATE_TOKEN=... node examples/plain-worker.mjs
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, headers } from '@nats-io/transport-node';

const { NATS_URL = 'nats://127.0.0.1:7422', MANDATE_TOKEN, MANDATE_INSTANCE } = process.env;
const SLOTS = 2;
const shout = ({ goal, input }) => (typeof input === 'string' ? input : goal).toUpperCase();

const nats = await connect({ servers: NATS_URL, token: MANDATE_TOKEN, maxReconnectAttempts: -1 });
const instance = MANDATE_INSTANCE ?? `plain-${randomBytes(4).toString('hex')}`;
const registration = {
  ...{ name: 'plain-worker', version: '1.0.0', instance },
  capabilities: [{ name: 'shout', description: 'Shout: write a text in capital letters', concurrency: SLOTS, effects: 'none' }],
};

// Before the first engine has started there are "no responders": ask again until one answers.
const register = async () => {
  for (;;) {
    try {
      const answer = await nats.request('mandate.v1.default.register', JSON.stringify(registration), { timeout: 5000 });
      if (!answer.headers?.get('Content-Type').startsWith('application/problem')) return answer.json();
      throw new Error(answer.json().detail, { cause: 'refused' });
    } catch (error) {
      if (error.cause === 'refused' || nats.isClosed()) throw error;
      await delay(500 + Math.random() * 1000);
    }
  }
};

const leases = new Map(); // lease id -> its AbortController, from acceptance until the result is acked
const ended = new Set(); // an engine that took over may offer a lease again that was done already

const report = async ({ leaseId, resultSubject }, result, n, signal) => {
  const sent = headers();
  sent.set('Nats-Msg-Id', `${leaseId}:${n}`);
  while (!signal.aborted) {
    try {
      const ack = await nats.request(resultSubject, JSON.stringify({ leaseId, ...result }), { headers: sent, timeout: 5000 });
      if (ack.json().stream) return; // the stream has it: duty done
    } catch (error) {
      if (nats.isClosed()) throw error;
    }
    await delay(200 + Math.random() * 1000);
  }
};

const work = async (offer) => {
  const abort = new AbortController();
  leases.set(offer.leaseId, abort);
  await report(offer, { status: 'completed', output: shout(offer) }, 1, abort.signal).finally(() => {
    leases.delete(offer.leaseId);
    ended.add(offer.leaseId);
  });
};

const { workSubject, controlSubject, heartbeatSubject, heartbeat } = await register();
nats.subscribe(workSubject, {
  callback: (_, message) => {
    const offer = message.json();
    const known = leases.has(offer.leaseId) || ended.has(offer.leaseId);
    const accepted = known || leases.size < SLOTS;
    message.respond(JSON.stringify({ leaseId: offer.leaseId, accepted, ...(accepted ? {} : { reason: 'busy' }) }));
    if (accepted && !known) void work(offer);
  },
});
nats.subscribe(controlSubject, {
  callback: (_, message) => message.json().type !== 'start' && leases.get(message.json().leaseId)?.abort(),
});

const beat = () => nats.publish(heartbeatSubject, JSON.stringify({ instance, leases: [...leases.keys()] }));
setInterval(beat, Number(/^PT(\d+)S$/.exec(heartbeat)[1]) * 1000);
beat();
process.once('SIGTERM', () => nats.drain().then(() => process.exit()));
console.log(`${instance} is ready`);
