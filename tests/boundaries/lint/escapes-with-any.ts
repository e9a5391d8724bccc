// as apps/delegation-engine/src/canary.ts
// expect @typescript-eslint/no-explicit-any: Unexpected any
export const canary = (value: any): string => String(value);
