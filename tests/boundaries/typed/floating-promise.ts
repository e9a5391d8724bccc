// expect @typescript-eslint/no-floating-promises
const work = async (): Promise<void> => Promise.resolve();
export const canary = (): void => {
  work();
};
