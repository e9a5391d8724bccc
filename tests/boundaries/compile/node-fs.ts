// expect TS2591 TS2307
import { readFileSync } from 'node:fs';
export const canary = readFileSync;
