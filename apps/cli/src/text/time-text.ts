import { CliError, EXIT } from '../exit.js';

const UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time, or how long ago, as RFC 3339. Throws CliError `BAD_TIME` naming the option. */
export const sinceOf = (option: string, text: string | undefined): string | undefined => {
  if (text === undefined) return undefined;
  const ago = /^(\d{1,6})([smhd])$/.exec(text);
  const time = ago ? Date.now() - Number(ago[1]) * (UNITS[ago[2] ?? ''] ?? 0) : Date.parse(text);
  if (Number.isNaN(time)) throw new CliError('BAD_TIME', `${option} takes a time such as 2026-11-23T05:00:00Z, or 15m, 2h, 7d`, EXIT.usage);
  return new Date(time).toISOString();
};
