// Restate's side of the bench: a workflow that calls a worker service three times, which is nearest to what a delegation does.
import http2 from 'node:http2';
import * as restate from '@restatedev/restate-sdk';

const worker = restate.service({ name: 'Worker', handlers: { work: async (_context, { step, n }) => ({ step, n, ok: true }) } });
const workflow = restate.service({
  name: 'Workflow',
  handlers: {
    sequential: async (context, n) => {
      const client = context.serviceClient(worker);
      let last = { n };
      for (const step of [1, 2, 3]) last = await client.work({ step, n: last.n });
      return { n: last.n };
    },
    parallel: async (context, n) => {
      const client = context.serviceClient(worker);
      const all = await restate.RestatePromise.all([1, 2, 3].map((step) => client.work({ step, n })));
      return { n: all.length };
    },
  },
});

const handler = restate.createEndpointHandler({ services: [worker, workflow], logger: () => undefined });
const server = http2.createServer(handler).listen(0, '127.0.0.1', () => process.send?.({ type: 'ready', port: server.address().port }));
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
