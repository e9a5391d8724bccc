import type { JsonValue } from '@mandate/kernel';

/** The same for values that are equal, whatever the order of their members: what was stored may come back sorted. */
export const stableText = (value: JsonValue | undefined): string =>
  JSON.stringify(value ?? null, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
