// as libs/delegation/src/canary.ts
// expect nothing
import { PARTITIONS } from '@mandate/contracts';
import { timestamp } from '@mandate/kernel';
export const canary = [timestamp(0), PARTITIONS];
