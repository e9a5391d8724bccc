// expect TS2591 TS2580
export const canary = Buffer.from('');
