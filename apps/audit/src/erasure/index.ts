export { ErasureList } from './erasure-list.js';
export { Erasures } from './erasures.js';
export { SubjectIndex } from './subject-index.js';
