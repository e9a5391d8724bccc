export * from './parse.js';
export * from './problems.js';
export * from './request.js';
export * from './rules.js';
export * from './scheduling.js';
export * from './subjects.js';
export * from './view.js';
export * from './work.js';
