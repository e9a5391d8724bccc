// expect @typescript-eslint/no-unsafe-return
export const canary = (text: string): { id: string } => JSON.parse(text);
