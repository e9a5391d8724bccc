/** Words with which views are described in JSON Schema, for OpenAPI. */
type Schema = Readonly<Record<string, unknown>>;

const text = { type: 'string' };
const time = { type: 'string', format: 'date-time' };
const integer = { type: 'integer', minimum: 0 };

const nullable = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
const list = (items: Schema): Schema => ({ type: 'array', items });
/** All properties are there, except those named in `optional`. */
const record = (properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema => ({
  type: 'object',
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
});
const page = (item: Schema): Schema => record({ items: list(item), nextCursor: nullable(text) });

export const schemas = { text, time, integer, nullable, list, record, page } as const;
