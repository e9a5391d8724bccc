// as libs/delegation/src/canary.ts
// expect no-restricted-imports: Domain code does no I/O
import { readFileSync } from 'node:fs';
export const canary = readFileSync;
