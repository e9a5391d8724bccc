export * from './host.js';
export * from './services.js';
