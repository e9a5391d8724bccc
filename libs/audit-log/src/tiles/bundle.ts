/**
 * Entry bundles: 256 entries one behind the other, each after its length. C2SP's have lengths of 16 bits; an event can be longer. A bundle with such an
 * event is served as records, the same with lengths of 32 bits, under a name of its own (as the specification asks), and is not there as entries.
 */
import { concat, readUint32, uint32 } from '../bytes.js';

export const MAX_ENTRY_BYTES = 0xffff;

/** Null when an entry is too long for a bundle. */
export const formatBundle = (entries: readonly Uint8Array[]): Uint8Array | null => {
  if (entries.some(({ length }) => length > MAX_ENTRY_BYTES)) return null;
  return concat(entries.flatMap((entry) => [Uint8Array.of(entry.length >> 8, entry.length), entry]));
};

export const formatRecords = (entries: readonly Uint8Array[]): Uint8Array =>
  concat(entries.flatMap((entry) => [uint32(entry.length), entry]));

/** Entries of a bundle, as far as it can be read: what is cut or left over is told as `rest`, in bytes. */
export const parseBundle = (bytes: Uint8Array, lengthBytes: 2 | 4 = 2): { entries: Uint8Array[]; rest: number } => {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at + lengthBytes <= bytes.length) {
    const length = lengthBytes === 4 ? readUint32(bytes, at) : readUint32(bytes, at) >>> 16;
    const end = at + lengthBytes + length;
    if (end > bytes.length) break;
    entries.push(bytes.subarray(at + lengthBytes, end));
    at = end;
  }
  return { entries, rest: bytes.length - at };
};
