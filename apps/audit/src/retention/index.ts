export { Archive } from './archive.js';
export { HoldFinder } from './holds.js';
export { RetentionLog, type DroppedRange } from './retention-log.js';
export { Retentions, type RetentionsOptions } from './retentions.js';
