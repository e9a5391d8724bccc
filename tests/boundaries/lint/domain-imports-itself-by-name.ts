// as libs/delegation/src/canary.ts
// expect @nx/enforce-module-boundaries: relative imports
import { decide } from '@mandate/delegation';
export const canary = decide;
