/** What a client needs when it runs. The checks of what comes in stay out: they cost a small program twenty megabytes. */
export * from './outputs.js';
export * from './problems.js';
export * from './subjects.js';
export * from './view.js';
export type * from './request.js';
export type * from './scheduling.js';
export type * from './work.js';
