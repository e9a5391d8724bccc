// expect TS2591 TS2307
export const canary = (): Promise<unknown> => import('node:os');
