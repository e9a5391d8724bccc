/**
 * A worker process of the kill test. Its side effect is a row in a database of its own, done idempotently by step key: however often a
 * step is tried, the first try's token counts, and every try answers with that one.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { JsonValue } from '@mandate/kernel';
import { createWorker, drainOnSignal, type Capability } from '@mandate/sdk';
import { connect } from '@nats-io/transport-node';
import pg from 'pg';

const { NATS_URL: servers = '', LEDGER_URL: connectionString, INSTANCE: instance = '' } = process.env;

const RETRY_MS = 100;
/** Work takes time before and after its effect, so that there is work in hand to be killed on either side of it. */
const LONGEST_WORK_MS = 300;
const ledger = new pg.Pool({ connectionString, max: 10, connectionTimeoutMillis: 2_000 });
ledger.on('error', () => undefined); // the server was killed; whoever asks next connects again

/** PostgreSQL may be away: a side effect is tried until it is known to be done, or nobody wants it any more. */
const insist = async <T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> => {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch {
      await delay(RETRY_MS, undefined, { signal });
    }
  }
};

/** Resolves to the token of the one application. */
const applyOnce = async (stepKey: string, attemptKey: string): Promise<string> => {
  const token = randomBytes(8).toString('hex');
  await ledger.query('INSERT INTO run (attempt_key, worker) VALUES ($1, $2)', [attemptKey, instance]);
  await ledger.query('INSERT INTO ledger (step_key, applied_by, token) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
    stepKey,
    instance,
    token,
  ]);
  const { rows } = await ledger.query<{ token: string }>('SELECT token FROM ledger WHERE step_key = $1', [stepKey]);
  return (rows[0] as { token: string }).token;
};

const tokenOf = (output: JsonValue): JsonValue => (output as { token?: JsonValue } | null)?.token ?? null;

const enter: Capability = {
  description: 'enters a row in the ledger, once a step',
  concurrency: 20,
  effects: 'idempotent',
  handler: async (_task, { stepKey, attemptKey, results, signal }) => {
    await delay(randomInt(LONGEST_WORK_MS), undefined, { signal });
    const token = await insist(signal, () => applyOnce(stepKey, attemptKey));
    await delay(randomInt(LONGEST_WORK_MS), undefined, { signal });
    return { token, after: Object.fromEntries(Object.entries(results).map(([stepId, output]) => [stepId, tokenOf(output)])) };
  },
};

const connection = await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 100, waitOnFirstConnect: true });
const worker = createWorker({ connection, name: 'ledger', version: '1.0.0', instance, capabilities: { enter } });
drainOnSignal(worker, async () => {
  await connection.close();
  await ledger.end();
});
await worker.start();
process.send?.({ type: 'ready' });
