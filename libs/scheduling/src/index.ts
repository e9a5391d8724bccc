export * from './allocator.js';
export * from './blocks.js';
export * from './buckets.js';
export * from './occupancy.js';
export * from './cron.js';
export * from './policy.js';
export * from './schedule.js';
export * from './urgency.js';
