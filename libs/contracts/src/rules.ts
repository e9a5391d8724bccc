/** Field rules of the contract that class-validator does not bring. */
import { isUlid, parseDuration } from '@mandate/kernel';
import { ValidateBy, type ValidationOptions } from 'class-validator';
import { CAPABILITY_TOKEN, NAME_TOKEN } from './subjects.js';

const rule = (name: string, accepts: (value: unknown) => boolean, message: string, options?: ValidationOptions): PropertyDecorator =>
  ValidateBy({ name, validator: { validate: accepts, defaultMessage: () => message } }, options);

const text = (value: unknown, pattern: RegExp): boolean => typeof value === 'string' && pattern.test(value);

export const IsUlidText = (options?: ValidationOptions): PropertyDecorator =>
  rule('isUlid', (v) => typeof v === 'string' && isUlid(v), 'must be a ULID in upper case (26 characters)', options);

export const IsCapability = (options?: ValidationOptions): PropertyDecorator =>
  rule('isCapability', (v) => text(v, CAPABILITY_TOKEN), 'must match [a-z0-9-]{1,60}', options);

export const IsName = (options?: ValidationOptions): PropertyDecorator =>
  rule('isName', (v) => text(v, NAME_TOKEN), 'must match [A-Za-z0-9_-]{1,64}', options);

/** A name that people give: it goes into the log and into indexes in the clear. `most`: characters. */
export const IsLabel = (most: number): PropertyDecorator =>
  ValidateBy({
    name: 'isLabel',
    constraints: [most],
    validator: {
      validate: (v) => typeof v === 'string' && v.length >= 1 && v.length <= most && !/[\p{Cc}\p{Cs}]/u.test(v),
      defaultMessage: () => `must be 1 to ${most} characters, none of them a control character`,
    },
  });

/** The cursor of a list whose pages end at an id. */
export const IsIdCursor = (): PropertyDecorator =>
  IsUlidText({ message: 'must be the nextCursor of an earlier answer; leave it out to begin anew', context: { code: 'INVALID_CURSOR' } });

export const IsSha256 = (options?: ValidationOptions): PropertyDecorator =>
  rule('isSha256', (v) => text(v, /^[0-9a-f]{64}$/), 'must be 64 hexadecimal digits in lower case', options);

/** US dollars as a decimal string. */
export const IsUsd = (options?: ValidationOptions): PropertyDecorator =>
  rule('isUsd', (value) => text(value, /^\d{1,9}(\.\d{1,6})?$/), 'must be a decimal string such as "0.40"', options);

export const IsDuration = (options?: ValidationOptions): PropertyDecorator =>
  rule(
    'isDuration',
    (v) => typeof v === 'string' && (parseDuration(v) ?? 0) > 0,
    'must be a positive ISO 8601 duration such as PT30S, PT5M or P1D',
    options,
  );

/** An upper bound on the JSON text of a value, in bytes of UTF-8. */
export const MaxJsonBytes = (limit: number): PropertyDecorator =>
  rule('maxJsonBytes', (v) => jsonBytesAtMost(v, limit), `is larger than ${limit} bytes of JSON; pass it by reference`);

export const IsStringMap = (limits: { entries: number; keyLength: number; valueLength: number }): PropertyDecorator =>
  rule(
    'isStringMap',
    (v) =>
      typeof v === 'object' &&
      v !== null &&
      !Array.isArray(v) &&
      Object.keys(v).length <= limits.entries &&
      Object.entries(v).every(
        ([key, value]) => key.length <= limits.keyLength && typeof value === 'string' && value.length <= limits.valueLength,
      ),
    `must be an object of at most ${limits.entries} strings (keys up to ${limits.keyLength}, values up to ${limits.valueLength} characters)`,
  );

const utf8Bytes = (value: string): number => {
  let bytes = value.length;
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c > 0x7f) bytes += c > 0x7ff && (c < 0xd800 || c > 0xdfff) ? 2 : 1;
  }
  return bytes;
};

const jsonBytesAtMost = (value: unknown, limit: number): boolean => value === undefined || utf8Bytes(JSON.stringify(value)) <= limit;
