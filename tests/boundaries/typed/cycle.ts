// expect import-x/no-cycle
import { half } from './cycle-other-half.js';
export const canary = (): number => half() * 2;
