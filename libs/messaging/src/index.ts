export * from './event-bus.js';
export * from './jetstream-server.js';
export * from './partition-consumer.js';
export * from './replies.js';
export * from './topology.js';
export * from './trace.js';
