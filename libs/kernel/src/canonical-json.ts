import type { JsonValue } from './json.js';

/**
 * JSON in canonical form (RFC 8785): keys sorted by UTF-16 code units, no white space, numbers and strings as ECMAScript writes them.
 * A lone surrogate, which the RFC refuses, is written as U+FFFD, so that a hostile text cannot stop an append and what is written is canonical all the same.
 * Throws TypeError on what JSON cannot say (undefined, NaN, Infinity).
 */
export const canonicalJson = (value: JsonValue): string => {
  if (value === null) return 'null';
  if (typeof value === 'string') return canonicalText(value);
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object') return canonicalObject(value);
  throw new TypeError(`${String(value)} has no JSON form`);
};

/** Only what JSON.stringify had to escape is looked at again: with the flag u, a surrogate is one that stands alone. */
const canonicalText = (text: string): string => {
  const json = JSON.stringify(text);
  return json.includes('\\ud') ? JSON.stringify(text.replaceAll(/\p{Surrogate}/gu, '\ufffd')) : json;
};

const canonicalObject = (object: { [key: string]: JsonValue }): string => {
  const keys = Object.keys(object);
  if (!inOrder(keys)) keys.sort();
  let text = '';
  for (const key of keys) {
    const value = object[key];
    // As in JSON.stringify: a member that is undefined is not there.
    if (value !== undefined) text += `${text ? ',' : ''}${canonicalText(key)}:${canonicalJson(value)}`;
  }
  return `{${text}}`;
};

/** Sorting costs more than looking whether it is needed. */
const inOrder = (keys: readonly string[]): boolean => {
  for (let i = 1; i < keys.length; i++) if ((keys[i] as string) < (keys[i - 1] as string)) return false;
  return true;
};
