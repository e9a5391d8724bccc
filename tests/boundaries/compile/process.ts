// expect TS2591 TS2304
export const canary = process.env;
