// as apps/delegation-engine/src/canary.ts
// expect no-restricted-properties: Read the environment in config.ts or main.ts
export const canary = process.env['DATABASE_URL'];
