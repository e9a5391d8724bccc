// expect TS2307
import { timestamp } from '@mandate/kernel/dist/clock.js';
export const canary = timestamp;
