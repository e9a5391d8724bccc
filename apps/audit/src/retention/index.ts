export { Archive } from './archive.js';
export { HoldFinder } from './holds.js';
export { Retentions } from './retentions.js';
