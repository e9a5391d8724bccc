/** What the parts of a policy are made of. */
import { AppError } from '@mandate/kernel';

export interface PolicyEventOf<Type extends string, Data> {
  type: Type;
  at: number;
  data: Data & { by: string; reason: string };
}

export type PolicyCommandOf<Type extends string, Data> = Data & { type: Type; by: string; reason: string; now: number };

const MAX_ENTRIES = 1_000;

/** Throws AppError `TOO_MANY_LIMITS` where a name is new and one too many. */
export const assertRoom = (entries: Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>, name: string): void => {
  const names = entries instanceof Map ? entries : new Map(Object.entries(entries));
  if (!names.has(name) && names.size >= MAX_ENTRIES)
    throw new AppError('TOO_MANY_LIMITS', 'limited', `a tenant has at most ${MAX_ENTRIES} of these: remove some first`);
};

export const without = <Value>(record: Readonly<Record<string, Value>>, name: string): Record<string, Value> =>
  Object.fromEntries(Object.entries(record).filter(([key]) => key !== name));

export const withEntry = <Value>(entries: ReadonlyMap<string, Value>, name: string, value: Value): ReadonlyMap<string, Value> =>
  new Map(entries).set(name, value);

export const withoutEntry = <Value>(entries: ReadonlyMap<string, Value>, name: string): ReadonlyMap<string, Value> => {
  const left = new Map(entries);
  left.delete(name);
  return left;
};
