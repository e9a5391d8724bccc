// The workers of the bench: an SDK worker that does nothing but answer, as the peers' workers do.
import { createWorker } from '@mandate/sdk';
import { connect } from '@nats-io/transport-node';

const connection = await connect({ servers: process.env.NATS_URL, maxReconnectAttempts: -1 });
const capability = (k) => ({
  description: `does step ${k} of the bench`,
  concurrency: 1_000,
  effects: 'idempotent',
  handler: ({ input, results }) => ({ step: k, n: input?.n ?? Object.values(results)[0]?.n ?? 0, ok: true }),
});
const worker = createWorker({
  connection,
  name: 'bench',
  version: '1',
  capabilities: { one: capability(1), two: capability(2), three: capability(3) },
});
await worker.start();
process.send?.({ type: 'ready' });
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
