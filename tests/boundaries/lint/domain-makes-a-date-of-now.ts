// as libs/delegation/src/canary.ts
// expect no-restricted-syntax: Domain code reads no clock
export const canary = new Date();
