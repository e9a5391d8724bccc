/** Bytes and their texts. */
import { base64 } from '@scure/base';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** Null when the bytes are not UTF-8. */
export const fromUtf8 = (bytes: Uint8Array): string | null => {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
};

export const toBase64 = (bytes: Uint8Array): string => base64.encode(bytes);

/** RFC 4648 section 4 to the letter; null for whatever has another length, alphabet or padding. */
export const fromBase64 = (text: string): Uint8Array | null => {
  try {
    return base64.decode(text);
  } catch {
    return null;
  }
};

export const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

export const concat = (parts: readonly Uint8Array[]): Uint8Array => {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

export const uint32 = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

export const readUint32 = (bytes: Uint8Array, at = 0): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;

export const uint64 = (value: bigint): Uint8Array => concat([uint32(Number(value >> 32n)), uint32(Number(value & 0xffff_ffffn))]);

export const readUint64 = (bytes: Uint8Array, at = 0): bigint => (BigInt(readUint32(bytes, at)) << 32n) | BigInt(readUint32(bytes, at + 4));

const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;

/** ASCII decimal without leading zeroes, at most 64 bits; null for anything else. */
export const parseDecimal = (text: string): bigint | null => {
  if (!/^(0|[1-9][0-9]{0,19})$/.test(text)) return null;
  const value = BigInt(text);
  return value <= MAX_UINT64 ? value : null;
};
