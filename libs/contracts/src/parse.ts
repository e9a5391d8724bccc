/**
 * Parsing at the edge: one set of class-validator classes, one set of rules, for HTTP, NATS and configuration alike.
 *
 * class-validator walks its metadata anew for every object (about 60 µs for a request of three steps); a message's whole
 * budget is about 90 µs. So the same metadata is compiled once a class into a list of checks. Nothing is validated twice
 * and nothing differs between HTTP and NATS.
 */
import 'reflect-metadata';
import { AppError, jsonDepth } from '@mandate/kernel';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { getMetadataStorage, type ValidationArguments, type ValidatorConstraintInterface } from 'class-validator';

type Constructor<T> = new () => T;
type Fields = Record<string, unknown>;

interface Check {
  each: boolean;
  code: string;
  accepts(value: unknown, owner: Fields): boolean;
  message(value: unknown, owner: Fields): string;
}

interface Property {
  name: string;
  applies: ((owner: Fields, value: unknown) => boolean)[];
  checks: Check[];
  nested: { shape: () => Shape; each: boolean } | null;
}

interface Shape {
  properties: Property[];
  known: Set<string>;
}

const shapes = new Map<unknown, Shape>();

const compile = (target: Constructor<unknown>): Shape => {
  const cached = shapes.get(target);
  if (cached) return cached;
  const storage = getMetadataStorage();
  const byName = new Map<string, Property>();
  for (const rule of storage.getTargetValidationMetadatas(target, '', false, false)) {
    const property = byName.get(rule.propertyName) ?? { name: rule.propertyName, applies: [], checks: [], nested: null };
    byName.set(rule.propertyName, property);
    if (rule.type === 'conditionalValidation') property.applies.push(rule.constraints[0] as (owner: Fields, value: unknown) => boolean);
    else if (rule.type === 'nestedValidation')
      property.nested = { shape: () => compile(typeOf(target, rule.propertyName)), each: rule.each };
    else if (rule.type === 'customValidation')
      for (const constraint of storage.getTargetValidatorConstraints(rule.constraintCls)) {
        const instance = constraint.instance as ValidatorConstraintInterface;
        const args = (value: unknown, object: object): ValidationArguments => ({
          value,
          object,
          constraints: rule.constraints,
          targetName: target.name,
          property: rule.propertyName,
        });
        property.checks.push({
          each: rule.each,
          code: (rule.context as { code?: string } | undefined)?.code ?? 'INVALID_FIELD',
          accepts: (value, owner) => instance.validate(value, args(value, owner)) as boolean,
          message: (value, owner) => {
            const text = rule.message ?? instance.defaultMessage?.(args(value, owner)) ?? 'is not valid';
            const own = typeof text === 'function' ? text(args(value, owner)) : text;
            // The path stands before it.
            const filled = own.replace(/^(each value in )?\$property /, '').replaceAll('$property', rule.propertyName);
            return filled.replace(/\$constraint(\d)/g, (_whole, n: string) => String(rule.constraints[Number(n) - 1]));
          },
        });
      }
  }
  // In the order in which they are written, the kind of value first (decorators register from the last to the first); limits on length run
  // before what looks at each item: a list of a million is refused before one of them is looked at.
  for (const property of byName.values()) property.checks.reverse().sort((a, b) => Number(a.each) - Number(b.each));
  const shape = { properties: [...byName.values()], known: new Set(byName.keys()) };
  shapes.set(target, shape);
  return shape;
};

const typeOf = (target: Constructor<unknown>, property: string): Constructor<unknown> => {
  const type = defaultMetadataStorage.findTypeMetadata(target, property);
  if (!type) throw new Error(`${target.name}.${property} is nested but has no @Type`);
  return type.typeFunction() as Constructor<unknown>;
};

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

const refuse = (code: string, path: string, message: string): never => {
  throw new AppError(code, 'invalid', path ? `${path}: ${message}` : message, path ? { field: path } : {});
};

const verify = (shape: Shape, value: unknown, path: string): void => {
  if (!isObject(value)) return refuse('INVALID_FIELD', path, 'must be a JSON object');
  for (const key of Object.keys(value))
    if (!shape.known.has(key))
      refuse('UNKNOWN_FIELD', path ? `${path}.${key.slice(0, 64)}` : key.slice(0, 64), 'is not a field of this document; remove it');
  for (const property of shape.properties) {
    const own = value[property.name];
    if (property.applies.some((applies) => !applies(value, own))) continue;
    const at = path ? `${path}.${property.name}` : property.name;
    for (const check of property.checks) verifyCheck(check, own, value, at);
    if (property.nested) verifyNested(property.nested, own, at);
  }
};

const verifyCheck = (check: Check, value: unknown, owner: Fields, path: string): void => {
  if (!check.each) {
    if (!check.accepts(value, owner)) refuse(check.code, path, check.message(value, owner));
    return;
  }
  if (!Array.isArray(value)) return refuse('INVALID_FIELD', path, 'must be a list');
  value.forEach((item, index) => {
    if (!check.accepts(item, owner)) refuse(check.code, `${path}[${index}]`, check.message(item, owner));
  });
};

const verifyNested = (nested: NonNullable<Property['nested']>, value: unknown, path: string): void => {
  const shape = nested.shape();
  if (!nested.each) return verify(shape, value, path);
  if (!Array.isArray(value)) return refuse('INVALID_FIELD', path, 'must be a list');
  value.forEach((item, index) => verify(shape, item, `${path}[${index}]`));
};

/** Takes a parsed document as a `T`; throws AppError (`INVALID_FIELD`, `UNKNOWN_FIELD`) naming the field. */
export const parse = <T>(target: Constructor<T>, document: unknown): T => {
  verify(compile(target), document, '');
  return document as T;
};

export interface JsonLimits {
  maxBytes: number;
  maxDepth: number;
}

/** NATS' own limit of a message; nothing larger can arrive there, HTTP refuses it with 413. */
export const MESSAGE_LIMITS: JsonLimits = { maxBytes: 1_048_576, maxDepth: 64 };

const decoder = new TextDecoder('utf-8', { fatal: true });

/** What JSON.parse says without the text that it quotes: that may be personal, and messages of errors are kept and logged. */
const unquoted = (message: string): string => message.split(/,? ?(?:\.\.\.)?"(?!')/, 1)[0] || 'not a JSON value';

/** Reads JSON from bytes within limits; throws AppError `TOO_LARGE`, `INVALID_JSON` or `TOO_DEEP`. */
export const parseJson = (bytes: Uint8Array, limits: JsonLimits = MESSAGE_LIMITS): unknown => {
  if (bytes.length > limits.maxBytes)
    throw new AppError(
      'TOO_LARGE',
      'too-large',
      `${bytes.length} bytes; at most ${limits.maxBytes} are taken: pass large data by reference`,
    );
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new AppError('INVALID_JSON', 'invalid', 'not UTF-8 text', {}, { cause });
  }
  if (jsonDepth(text) > limits.maxDepth) throw new AppError('TOO_DEEP', 'invalid', `nested deeper than ${limits.maxDepth} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('INVALID_JSON', 'invalid', `not JSON: ${unquoted((cause as Error).message)}`, {}, { cause });
  }
  if (HUGE_NUMBER.test(text) && holdsInfinity(value))
    throw new AppError('INVALID_JSON', 'invalid', 'a number is beyond what a double holds (RFC 8259, section 6): write it as a string');
  return value;
};

/** Cheap, and true of every text with a number that JSON.parse reads as infinite: 200 digits with an exponent of two more stay below 1e308. */
const HUGE_NUMBER = /\d{200}|\d[eE]\+?\d{3}/;

/** It has no JSON form, so it could not be stored as it was sent. */
const holdsInfinity = (value: unknown): boolean => {
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsInfinity);
};
