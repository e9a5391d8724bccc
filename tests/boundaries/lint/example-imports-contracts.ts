// as examples/src/canary.ts
// expect @nx/enforce-module-boundaries: can only depend on|Circular dependency
import { PARTITIONS } from '@mandate/contracts';
export const canary = PARTITIONS;
