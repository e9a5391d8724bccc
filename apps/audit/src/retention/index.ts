export { Archive } from './archive.js';
export { HoldFinder } from './holds.js';
export { Retentions, type RetentionsOptions } from './retentions.js';
