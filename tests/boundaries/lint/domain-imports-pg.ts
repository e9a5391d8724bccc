// as libs/delegation/src/canary.ts
// expect @nx/enforce-module-boundaries: is not allowed to import "pg"
import pg from 'pg';
export const canary = pg;
