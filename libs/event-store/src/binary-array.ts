/** PostgreSQL's binary format of one-dimensional arrays (array_send in arrayfuncs.c): no quoting, no escaping, bytes stay bytes. */

const TEXT = 25;
const BYTEA = 17;
const INT2 = 21;
const INT4 = 23;
const INT8 = 20;
const BOOL = 16;
const TIMESTAMPTZ = 1184;

const HEADER_BYTES = 20;
/** PostgreSQL counts time in microseconds from 2000-01-01. */
const POSTGRES_EPOCH_MS = 946_684_800_000;

type Optional<T> = T | null | undefined;

/** Null when no element is there: the callers' functions take that for an array of nulls. */
const array = <T>(
  values: readonly Optional<T>[],
  oid: number,
  size: (value: T) => number,
  write: (buffer: Buffer, value: T, at: number) => void,
): Buffer | null => {
  let bytes = HEADER_BYTES;
  let present = 0;
  for (const value of values) {
    bytes += 4;
    if (value === null || value === undefined) continue;
    bytes += size(value);
    present++;
  }
  if (present === 0 && values.length > 0) return null;
  const buffer = Buffer.allocUnsafe(bytes);
  buffer.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(present < values.length ? 1 : 0, 4);
  buffer.writeInt32BE(oid, 8);
  buffer.writeInt32BE(values.length, 12);
  buffer.writeInt32BE(1, 16);
  let at = HEADER_BYTES;
  for (const value of values) {
    const length = value === null || value === undefined ? -1 : size(value);
    buffer.writeInt32BE(length, at);
    at += 4;
    if (length >= 0) write(buffer, value as T, at);
    if (length > 0) at += length;
  }
  return values.length === 0 ? buffer.subarray(0, 12) : buffer;
};

export const textArray = (values: readonly Optional<string>[]): Buffer | null =>
  array(values, TEXT, Buffer.byteLength, (buffer, value, at) => buffer.write(value, at, 'utf8'));

export const byteaArray = (values: readonly Optional<Buffer>[]): Buffer | null =>
  array(
    values,
    BYTEA,
    (value) => value.length,
    (buffer, value, at) => value.copy(buffer, at),
  );

export const int2Array = (values: readonly Optional<number>[]): Buffer | null =>
  array(
    values,
    INT2,
    () => 2,
    (buffer, value, at) => buffer.writeInt16BE(value, at),
  );

export const int4Array = (values: readonly Optional<number>[]): Buffer | null =>
  array(
    values,
    INT4,
    () => 4,
    (buffer, value, at) => buffer.writeInt32BE(value, at),
  );

export const int8Array = (values: readonly Optional<number>[]): Buffer | null => array(values, INT8, () => 8, writeInt64);

export const boolArray = (values: readonly Optional<boolean>[]): Buffer | null =>
  array(
    values,
    BOOL,
    () => 1,
    (buffer, value, at) => buffer.writeUInt8(value ? 1 : 0, at),
  );

/** From milliseconds since 1970. */
export const timeArray = (values: readonly Optional<number>[]): Buffer | null =>
  array(
    values,
    TIMESTAMPTZ,
    () => 8,
    (buffer, value, at) => writeTime(buffer, value, at),
  );

/** A single one, which PostgreSQL then need not parse. */
export const timestamp = (ms: number): Buffer => {
  const buffer = Buffer.allocUnsafe(8);
  writeTime(buffer, ms, 0);
  return buffer;
};

const writeTime = (buffer: Buffer, ms: number, at: number): void => writeInt64(buffer, (ms - POSTGRES_EPOCH_MS) * 1000, at);

/** A safe integer without the detour over BigInt. */
const writeInt64 = (buffer: Buffer, value: number, at: number): void => {
  const high = Math.floor(value / 0x1_0000_0000);
  buffer.writeInt32BE(high, at);
  buffer.writeUInt32BE(value - high * 0x1_0000_0000, at + 4);
};
