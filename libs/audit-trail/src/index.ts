export * from './search/postings.js';
export * from './search/segment-index.js';
export * from './search/terms.js';
