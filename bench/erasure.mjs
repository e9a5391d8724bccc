// One person erased among many events: how long it takes from the request to the answer, and what every following one takes.
//   npm run build && npm --prefix bench ci && npx node bench/erasure.mjs [events]
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { audit } from '@mandate/audit';
import { startPostgres } from '@mandate/embedded';
import { EventStore, Keyring, migrate } from '@mandate/event-store';
import { ulid } from '@mandate/kernel';
import { createLogger, serve } from '@mandate/service-host';
import { freePort } from './lib/servers.mjs';

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const PER_DELEGATION = 10;
const PERSONS = 1_000;
const ABREAST = 256;

const folder = await mkdtemp(join(tmpdir(), 'mandate-bench-'));
await chmod(folder, 0o711);
const server = await startPostgres({ dataDir: join(folder, 'postgres'), port: await freePort() });
const masterKey = randomBytes(32).toString('hex');
const where = { service: 'bench', instance: 'bench' };
const logger = createLogger({ service: 'bench', instance: 'bench', level: 'silent' });

/** Delegations of a thousand persons: the request under the person's key, the rest under the delegation's, as the engine writes them. */
const fill = async (store) => {
  const occurredAt = new Date().toISOString();
  const actor = { kind: 'agent', id: 'ann' };
  const event = (name) => ({
    type: `dev.mandate.delegation.${name}.v1`,
    occurredAt,
    data: { stepId: 's1', attempt: 1, note: 'x'.repeat(150) },
    personal: { output: 'y'.repeat(200) },
  });
  let left = EVENTS / PER_DELEGATION;
  const filler = async () => {
    while (left-- > 0) {
      const id = ulid(Date.now(), randomBytes(10));
      const entry = { tenant: 'default', stream: { type: 'delegation', id }, actor, correlationId: id };
      const dataSubject = `person-${left % PERSONS}`;
      await store.append({ ...entry, expected: 'no-stream', events: [event('requested')], dataSubject, open: true });
      const rest = Array.from({ length: PER_DELEGATION - 1 }, () => event('stepsucceeded'));
      await store.append({ ...entry, expected: 1, events: rest, open: false });
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, filler));
};

const timed = async (work) => {
  const started = performance.now();
  const result = await work();
  return { seconds: Math.round(performance.now() - started) / 1000, result };
};

try {
  await migrate(server.url);
  const store = await EventStore.open({ databaseUrl: server.url, keyring: new Keyring(masterKey), where });
  const filled = await timed(() => fill(store));
  const running = await serve(
    [audit],
    { databaseUrl: server.url, natsUrl: 'nats://127.0.0.1:1', masterKey, stateFolder: join(folder, 'state'), instance: 'bench', logger },
    { host: '127.0.0.1', port: 0 },
  );
  const erase = async (person) => {
    const response = await fetch(`${running.url}/api/audit/erasures`, { method: 'POST', body: JSON.stringify({ dataSubject: person }) });
    return response.json();
  };
  const first = await timed(() => erase('person-7'));
  const next = await timed(() => erase('person-8'));
  await running.close();
  await store.close();
  const { delegations, keys } = first.result;
  console.log(
    JSON.stringify(
      {
        events: EVENTS,
        filledSeconds: filled.seconds,
        firstErasureSeconds: first.seconds,
        nextErasureSeconds: next.seconds,
        delegations,
        keys,
      },
      null,
      2,
    ),
  );
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
