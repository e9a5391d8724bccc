/** Configuration from the environment: one class-validator class a program, checked before anything starts. */
import 'reflect-metadata';
import { AppError } from '@mandate/kernel';
import { validateSync } from 'class-validator';

const NAMES = Symbol('environment names');
type Names = Map<string, string>;

/** The environment variable that a property is read from. Its type (string, number, boolean, string list) decides the reading. */
export const Env =
  (name: string): PropertyDecorator =>
  (target, property) => {
    const names: Names = (Reflect.getOwnMetadata(NAMES, target) as Names | undefined) ?? new Map<string, string>();
    names.set(String(property), name);
    Reflect.defineMetadata(NAMES, names, target);
  };

/**
 * Reads `Class` from `env`; a variable that is absent or empty leaves the property's default.
 * Throws AppError `CONFIG_INVALID` naming every variable that is wrong, never a value: it may be a secret.
 */
export const loadConfig = <T extends object>(Class: new () => T, env: Readonly<Record<string, string | undefined>>): Readonly<T> => {
  const config = new Class();
  const names = (Reflect.getMetadata(NAMES, Class.prototype as object) as Names | undefined) ?? new Map<string, string>();
  for (const [property, name] of names) {
    const text = env[name]?.trim();
    if (text) Reflect.set(config, property, read(text, Reflect.getMetadata('design:type', Class.prototype as object, property)));
  }
  const problems = validateSync(config).map((error) => {
    const name = names.get(error.property) ?? error.property;
    return `${name} ${Object.values(error.constraints ?? {})
      .map((text) => text.replace(`${error.property} `, ''))
      .join(', ')}`;
  });
  if (problems.length > 0)
    throw new AppError('CONFIG_INVALID', 'invalid', `set these environment variables right: ${problems.join('; ')}`, { problems });
  return Object.freeze(config);
};

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, '1': true, yes: true, false: false, '0': false, no: false };

/** What cannot be read stays text, so that the class's own rule refuses it. */
const read = (text: string, type: unknown): unknown => {
  if (type === Number) return Number.isNaN(Number(text)) ? text : Number(text);
  if (type === Boolean) return BOOLEANS[text.toLowerCase()] ?? text;
  if (type === Array)
    return text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean);
  return text;
};
