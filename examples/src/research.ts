/** Demo worker: research over the bundled articles. `node examples/dist/research.js`, with NATS_URL and MANDATE_TOKEN. */
import { research } from './research/capabilities.js';
import { startDemoWorkers } from './start-demo-workers.js';

await startDemoWorkers({ research });
