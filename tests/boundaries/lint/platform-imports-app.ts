// as libs/service-host/src/canary.ts
// expect @nx/enforce-module-boundaries: can only depend on|Circular dependency
import * as app from '@mandate/delegation-engine';
export const canary = app;
