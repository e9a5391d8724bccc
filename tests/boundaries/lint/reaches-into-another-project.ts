// as libs/delegation/src/canary.ts
// expect @nx/enforce-module-boundaries: relative or absolute path
import { PARTITIONS } from '../../contracts/src/index.js';
export const canary = PARTITIONS;
