export { serveWitness, type ServedWitness } from './audit/witness/serve.js';
export { Witness, type WitnessOptions } from './audit/witness/witness.js';
export { build, run, type Invocation } from './run.js';
