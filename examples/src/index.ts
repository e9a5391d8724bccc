export { documentCheck } from './documents/capabilities.js';
export { research } from './research/capabilities.js';
