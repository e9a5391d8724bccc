// What a lesson costs: npm run measure:teaching -- --data DIR [--lessons N]. This process's own CPU time, on a PostgreSQL and a nats-server of its own.
// DIR holds dev.jsonl, lines {text, label}; each is a delegation that somebody says the pattern of.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { eventTypeName } from '@mandate/delegation';
import { EventStore, Keyring } from '@mandate/event-store';
import { timestamp, ulid } from '@mandate/kernel';
import { tenantRecogniser } from '@mandate/recognition';
import { shippedModel } from '@mandate/recognition-model';
import { createLogger } from '@mandate/service-host';
import { runEnvironment, startTestRun, testDatabase, testNats } from '@mandate/testing';
import { connect } from '@nats-io/transport-node';
import { Layers } from '../apps/delegation-engine/dist/engine/layers.js';
import { modelsWith } from '../apps/delegation-engine/dist/engine/models.js';
import { teaching } from '../apps/delegation-engine/dist/engine/teaching.js';

const { values } = parseArgs({ options: { data: { type: 'string' }, lessons: { type: 'string', default: '1000' } } });
const wanted = Number(values.lessons);
if (!values.data || !Number.isInteger(wanted) || wanted < 1) {
  console.error('usage: teaching-cost.mjs --data DIR [--lessons N]');
  process.exit(2);
}
const requests = readFileSync(join(values.data, 'dev.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .slice(0, wanted)
  .map((line) => JSON.parse(line));

/** Microseconds of this process's CPU that `work` takes. */
const cost = async (work) => {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
};
const say = (what, micros, count) => console.log(`| ${what} | ${count} | ${(micros / count).toFixed(0)} µs |`);

/** Twice: what runs for the first time is slower, and no engine is at its first request for long. */
const warm = async (work) => {
  await work();
  return cost(work);
};

const pure = async () => {
  const tenant = tenantRecogniser(shippedModel());
  const answers = [];
  const answering = await warm(() => {
    answers.length = 0;
    for (const { text } of requests) answers.push(tenant.answer({ text }));
  });
  const learning = await warm(() => answers.forEach((answer, i) => answer.learn(requests[i].label)));
  say('answering from a layer', answering, requests.length);
  say('learning one outcome: itself and twelve remembered ones', learning, requests.length);
  say('the layer as bytes', await warm(() => tenant.bytes()), 1);
};

const START = Date.parse('2026-11-29T12:00:00.000Z');
const TENANT = 'default';

/** A delegation with feedback; resolves to the feedback's event. */
const told = async (store, { text, label }, n) => {
  const occurredAt = timestamp(START + n);
  const budget = { deadlineAt: occurredAt, depth: 5, steps: 256 };
  const id = ulid(START + n, randomBytes(10));
  const result = await store.append({
    tenant: TENANT,
    stream: { type: 'delegation', id },
    expected: 'no-stream',
    events: [
      {
        type: eventTypeName('requested'),
        occurredAt,
        data: { principal: 'ann', pattern: 'auto', budget, approval: 'never' },
        personal: { goal: text },
      },
      {
        type: eventTypeName('feedbackgiven'),
        occurredAt,
        data: { pattern: label, by: 'ann', commandId: `c${n}` },
        personal: { reason: '' },
      },
    ],
    actor: { kind: 'agent', id: 'ann' },
    correlationId: id,
  });
  if (!result.ok) throw new Error(result.message);
  return result.events[1];
};

/** As under load: as much of the log as comes in half a second, at a time. */
const BATCH = 100;

const inEngines = async () => {
  const [database, nats] = await Promise.all([testDatabase(), testNats()]);
  const connection = await connect({ servers: nats.url });
  const keyring = new Keyring(randomBytes(32).toString('hex'));
  const store = await EventStore.open({ databaseUrl: database.url, keyring, where: { service: 'teaching-cost', instance: 'tool' } });
  const logger = createLogger({ service: 'teaching-cost', instance: 'tool', level: 'silent' });
  const engine = () => new Layers({ connection, store, keyring, logger, models: modelsWith() });
  try {
    const feedback = [];
    for (const [n, request] of requests.entries()) feedback.push(await told(store, request, n));
    const writer = engine();
    const { react } = teaching(store, writer);
    const taught = await cost(async () => {
      for (let at = 0; at < feedback.length; at += BATCH) await react(feedback.slice(at, at + BATCH));
      await writer.current(TENANT);
    });
    say('the engine that writes the lessons: reading, writing, folding, snapshots', taught, feedback.length);
    say('folding the whole log anew, as an explanation does', await cost(() => engine().at(TENANT, feedback.length)), feedback.length);
    say('an engine that starts: the snapshot and the lessons behind it', await cost(() => engine().current(TENANT)), 1);
  } finally {
    await store.close();
    await connection.close();
    await Promise.all([database.stop(), nats.stop()]);
  }
};

console.log('| what | times | CPU each |\n|---|---|---|');
await pure();
const started = await startTestRun((line) => console.error(line));
try {
  Object.assign(process.env, runEnvironment(started.run));
  await inEngines();
} finally {
  await started.stop();
}
