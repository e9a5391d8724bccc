// expect @typescript-eslint/no-misused-promises
const isReady = async (): Promise<boolean> => Promise.resolve(false);
export const canary = (): string => (isReady() ? 'yes' : 'no');
