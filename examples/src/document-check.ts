/** Demo worker: checks and summaries of a document. `node examples/dist/document-check.js`, with NATS_URL and MANDATE_TOKEN. */
import { documentCheck } from './documents/capabilities.js';
import { startDemoWorkers } from './start-demo-workers.js';

await startDemoWorkers({ 'document-check': documentCheck });
