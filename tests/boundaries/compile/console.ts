// expect TS2584
export const canary = (): void => console.log('said');
