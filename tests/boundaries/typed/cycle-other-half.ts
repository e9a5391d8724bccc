// expect import-x/no-cycle
import { canary } from './cycle.js';
export const half = (): number => (canary.length > 0 ? canary() / 2 : 1);
