// expect TS2307
import { timestamp } from '@mandate/kernel/src/clock.js';
export const canary = timestamp;
