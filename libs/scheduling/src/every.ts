/** Stands for each name of its kind that has no entry of its own: `key:*` limits every key alike. */
export const EVERY = '*';
