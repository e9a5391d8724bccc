const PATTERN = /^P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,3}))?S)?)?$/;

/** Milliseconds of an ISO 8601 duration without years and months (their length varies); null when `text` is none. */
export const parseDuration = (text: string): number | null => {
  const match = PATTERN.exec(text);
  if (!match || text.endsWith('T') || text === 'P') return null;
  const [weeks, days, hours, minutes, seconds] = match.slice(1, 6).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const millis = Number((match[6] ?? '').padEnd(3, '0') || 0);
  return ((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + millis;
};

/** The shortest ISO 8601 form of a number of milliseconds. */
export const formatDuration = (ms: number): string => {
  const days = Math.floor(ms / 86_400_000);
  const hours = Math.floor(ms / 3_600_000) % 24;
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = (ms % 60_000) / 1000;
  const time = `${hours ? `${hours}H` : ''}${minutes ? `${minutes}M` : ''}${seconds ? `${seconds}S` : ''}`;
  return ms === 0 ? 'PT0S' : `P${days ? `${days}D` : ''}${time ? `T${time}` : ''}`;
};
