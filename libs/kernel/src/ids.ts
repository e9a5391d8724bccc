/** Crockford's base32 alphabet (https://www.crockford.com/base32.html): no I, L, O, U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** All pairs of characters: 10 bits each. */
const PAIRS = Array.from({ length: 1024 }, (_, i) => `${ALPHABET[i >> 5]}${ALPHABET[i & 31]}`);
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** 26 characters: 128 bits, sortable by time when made as a ULID (https://github.com/ulid/spec). */
export type Ulid = string;

export const isUlid = (text: string): boolean => ULID.test(text);

/** Writes the first 128 bits of `bytes` as 26 Crockford characters. Throws RangeError on fewer than 16 bytes. */
export const encode128 = (bytes: Uint8Array): Ulid => {
  if (bytes.length < 16) throw new RangeError(`128 bits needed, got ${bytes.length * 8}`);
  let text = '';
  let buffer = 0;
  let bits = 2; // 26 characters hold 130 bits: two leading zero bits
  for (let i = 0; i < 16; i++) {
    buffer = ((buffer << 8) | (bytes[i] as number)) & 0xfffff;
    bits += 8;
    if (bits >= 10) {
      bits -= 10;
      text += PAIRS[(buffer >> bits) & 1023];
    }
  }
  return text;
};

/** The 16 bytes that `encode128` wrote. Throws RangeError on anything else. */
export const decode128 = (text: Ulid): Uint8Array => {
  if (!isUlid(text)) throw new RangeError(`"${text}" is not 26 characters of Crockford's base32`);
  let value = 0n;
  for (const character of text) value = (value << 5n) | BigInt(ALPHABET.indexOf(character));
  const bytes = new Uint8Array(16);
  for (let i = 15; i >= 0; i--, value >>= 8n) bytes[i] = Number(value & 0xffn);
  return bytes;
};

/** A ULID from a time in milliseconds and at least 10 random bytes; both are given so that callers stay testable. */
export const ulid = (timeMs: number, random: Uint8Array): Ulid => {
  const bytes = new Uint8Array(16);
  for (let i = 5, rest = timeMs; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  bytes.set(random.subarray(0, 10), 6);
  return encode128(bytes);
};
