// as libs/event-store/src/canary.ts
// expect @nx/enforce-module-boundaries: can only depend on|Circular dependency
import { decide } from '@mandate/delegation';
export const canary = decide;
