// as apps/delegation-engine/src/canary.ts
// expect @nx/enforce-module-boundaries: can only depend on|Circular dependency
import * as host from '@mandate/all-in-one';
export const canary = host;
