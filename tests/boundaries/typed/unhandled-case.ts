// expect @typescript-eslint/switch-exhaustiveness-check
export const canary = (state: 'open' | 'closed'): number => {
  switch (state) {
    case 'open':
      return 1;
  }
  return 0;
};
