import { parse, parseJson } from '@mandate/contracts';
import { AppError, type JsonObject } from '@mandate/kernel';
import type { PipeTransform } from '@nestjs/common';

type Constructor<T> = new () => T;

/**
 * Bytes of a body or of a message → a valid `T`, by the one parser with the one set of limits that HTTP and NATS share.
 * `whenEmpty` stands for an empty body where a route takes none. Throws what `parseJson` and `parse` throw.
 */
export class DocumentPipe<T> implements PipeTransform<unknown, T> {
  constructor(
    private readonly target: Constructor<T>,
    private readonly whenEmpty?: JsonObject,
  ) {}

  transform(body: unknown): T {
    const bytes = body instanceof Uint8Array ? body : new Uint8Array();
    if (bytes.length > 0) return parse(this.target, parseJson(bytes));
    if (!this.whenEmpty) throw new AppError('INVALID_JSON', 'invalid', 'the body is empty; send a JSON document');
    return parse(this.target, { ...this.whenEmpty });
  }
}

/** Query parameters → a valid `T`: numbers and booleans are read by the property's type, absent ones keep the class's default. */
export class QueryPipe<T extends object> implements PipeTransform<unknown, T> {
  constructor(private readonly target: Constructor<T>) {}

  transform(query: unknown): T {
    const given = Object.entries((query ?? {}) as Record<string, unknown>).map(([name, value]) => [name, this.read(name, value)]);
    return Object.assign(new this.target(), parse(this.target, { ...new this.target(), ...Object.fromEntries(given) }));
  }

  private read(name: string, value: unknown): unknown {
    const type: unknown = Reflect.getMetadata('design:type', this.target.prototype as object, name);
    if (type === Number && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
    if (type === Boolean && (value === 'true' || value === 'false')) return value === 'true';
    return value;
  }
}
