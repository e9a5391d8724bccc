// as libs/delegation/src/canary.ts
// expect no-restricted-properties: Domain code draws no random numbers
export const canary = Math.random();
