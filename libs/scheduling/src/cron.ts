/** Times of a cron pattern in a time zone. Pure: the time to look from is given. */
import { AppError } from '@mandate/kernel';
import { Cron } from 'croner';

/** Throws AppError `INVALID_CRON`, `INVALID_TIMEZONE`. */
export const verifyCron = (cron: string, timezone: string): void => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    throw new AppError('INVALID_TIMEZONE', 'invalid', `${timezone} is no IANA time zone such as Europe/Berlin`, { field: 'timezone' });
  }
  try {
    patternOf(cron, timezone);
  } catch (cause) {
    throw new AppError('INVALID_CRON', 'invalid', `${cron}: ${(cause as Error).message}`, { field: 'cron' }, { cause });
  }
};

/** The first time after `from`; null when there is none. */
export const nextTime = (cron: string, timezone: string, from: number): number | null =>
  patternOf(cron, timezone).nextRun(new Date(from))?.getTime() ?? null;

const patternOf = (cron: string, timezone: string): Cron => new Cron(cron, { timezone, mode: '5-part', paused: true });
