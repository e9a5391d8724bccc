export { ErasureList } from './erasure-list.js';
export { Erasures } from './erasures.js';
export { SubjectIndex, type SubjectEvent } from './subject-index.js';
