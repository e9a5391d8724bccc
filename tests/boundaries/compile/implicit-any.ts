// expect TS7006
export const canary = (value) => value;
