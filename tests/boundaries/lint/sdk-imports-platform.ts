// as libs/sdk/src/canary.ts
// expect @nx/enforce-module-boundaries: can only depend on|Circular dependency
import * as messaging from '@mandate/messaging';
export const canary = messaging;
