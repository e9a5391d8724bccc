export { run, type Invocation } from './run.js';
