export * from './durable-file.js';
export * from './node-crypto.js';
