// expect TS2532
export const canary = (names: string[]): number => names[0].length;
