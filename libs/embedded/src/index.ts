export * from './machine.js';
export * from './process/child.js';
export * from './process/identity.js';
export * from './process/run.js';
export * from './postgres/start.js';
export * from './nats/resolve.js';
export * from './nats/start.js';
