// expect TS2304
export const canary = setTimeout(() => undefined, 1);
