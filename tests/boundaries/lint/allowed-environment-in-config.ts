// as apps/delegation-engine/src/config.ts
// expect nothing
export const canary = process.env['DATABASE_URL'];
