// as libs/contracts/src/canary.ts
// expect no-restricted-properties: Domain code reads no clock
export const canary = Date.now();
