/** What starts a run from outside of Jest. */
export { RUN_VARIABLE, runEnvironment } from './servers/config.js';
export { startTestRun } from './servers/run.js';
