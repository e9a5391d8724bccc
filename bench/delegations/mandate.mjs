// Three-step delegations through Mandate as it runs by default: requests over JetStream, a worker process over NATS, every transition durable.
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ulid } from '@mandate/kernel';
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { startProgram, startSystem } from '../lib/servers.mjs';

const ENDINGS = /\.(completed|failed|canceled|rejected)\.v1$/;
const steps = (dependsOn) =>
  ['one', 'two', 'three'].map((capability, i) => ({ id: `s${i + 1}`, capability, ...(dependsOn(i) ? { dependsOn: [`s${i}`] } : {}) }));

export const SHAPES = { sequential: steps((i) => i > 0), parallel: steps(() => false) };

/** A requester that resolves when its delegation has ended, and rejects when it did not complete. */
const requester = async (natsUrl) => {
  const connection = await connect({ servers: natsUrl });
  const bus = jetstream(connection);
  const waiting = new Map();
  connection.subscribe('mandate.v1.default.event.delegation.*', {
    callback: (_error, message) => {
      const type = message.headers?.get('ce-type') ?? '';
      const id = message.subject.slice(message.subject.lastIndexOf('.') + 1);
      if (!ENDINGS.test(type)) return;
      waiting.get(id)?.(type.includes('.completed.') ? null : new Error(type));
      waiting.delete(id);
    },
  });
  let n = 0;
  const delegate = async (shape) => {
    const id = ulid(Date.now(), randomBytes(10));
    const done = new Promise((resolve, reject) => waiting.set(id, (error) => (error ? reject(error) : resolve())));
    const body = JSON.stringify({ id, goal: 'three steps', steps: SHAPES[shape], input: { n: n++ } });
    await bus.publish(`mandate.v1.default.request.${id}.bench`, body);
    await done;
  };
  return { delegate, close: () => connection.close() };
};

/** Resolves to the system under load: `delegate(shape)` is one operation. */
export const startMandate = async (options = {}) => {
  const system = await startSystem(options);
  const worker = await startProgram(fileURLToPath(new URL('worker.mjs', import.meta.url)), { env: { NATS_URL: system.natsUrl } });
  system.onStop(() => system.ended(worker.child));
  const client = await requester(system.natsUrl);
  system.onStop(() => client.close());
  return { ...system, pids: { ...system.pids, worker: worker.pid, load: process.pid }, delegate: client.delegate };
};
