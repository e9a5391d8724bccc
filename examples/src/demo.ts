/** Both demo workers in one process, which costs half the memory. What `npm start` starts. */
import { documentCheck } from './documents/capabilities.js';
import { research } from './research/capabilities.js';
import { startDemoWorkers } from './start-demo-workers.js';

await startDemoWorkers({ research, 'document-check': documentCheck });
