// as libs/event-store/src/canary.ts
// expect @nx/enforce-module-boundaries: can only depend on|Circular dependency
import { until } from '@mandate/testing';
export const canary = until;
