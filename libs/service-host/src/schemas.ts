/** JSON Schemas of class-validator classes, our own rules included. */
import { CAPABILITY_TOKEN, NAME_TOKEN } from '@mandate/contracts';
import type { Type } from '@nestjs/common';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';

export interface Schema {
  type?: string;
  properties?: Record<string, object>;
  required?: string[];
  [keyword: string]: unknown;
}
export type Schemas = Record<string, Schema>;

const POINTER = '#/components/schemas/';
const OMITTED = 'x-mandate-not-supported-yet';

/** Rules of `@mandate/contracts` and those that the generator does not know. */
const RULES = {
  isUlid: { type: 'string', pattern: '^[0-7][0-9A-HJKMNP-TV-Z]{25}$' },
  isCapability: { type: 'string', pattern: CAPABILITY_TOKEN.source },
  isName: { type: 'string', pattern: NAME_TOKEN.source },
  isLabel: ({ constraints }: { constraints: readonly unknown[] }) => ({
    type: 'string' as const,
    minLength: 1,
    maxLength: Number(constraints[0]),
  }),
  isDuration: { type: 'string', format: 'duration' },
  isRfc3339: { type: 'string', format: 'date-time' },
  maxJsonBytes: {},
  isStringMap: { type: 'object', additionalProperties: { type: 'string' } },
  notSupportedYet: { [OMITTED]: true },
} as const;

export const schemaReference = (target: Type): { $ref: string } => ({ $ref: `${POINTER}${target.name}` });

/** The schemas of `roots` and of every class nested in them, by class name. Unknown fields are refused, so each says so. */
export const reachableSchemas = async (roots: readonly Type[]): Promise<Schemas> => {
  const { validationMetadatasToSchemas } = await import('class-validator-jsonschema');
  const all = validationMetadatasToSchemas({
    additionalConverters: RULES,
    classTransformerMetadataStorage: defaultMetadataStorage,
    refPointerPrefix: POINTER,
  }) as Schemas;
  const reached: Schemas = {};
  const visit = (name: string): void => {
    const schema = all[name];
    if (!schema || reached[name]) return;
    const properties = Object.fromEntries(Object.entries(schema.properties ?? {}).filter(([, property]) => !(OMITTED in property)));
    const required = (schema.required ?? []).filter((property) => property in properties);
    reached[name] = { ...schema, properties, required, additionalProperties: false };
    for (const match of JSON.stringify(properties).matchAll(/"#\/components\/schemas\/(\w+)"/g)) visit(match[1] as string);
  };
  for (const root of roots) visit(root.name);
  return reached;
};

export const PROBLEM_SCHEMA: Schema = {
  type: 'object',
  description: 'RFC 9457 problem details',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable; for programs' },
    detail: { type: 'string', description: 'What to do; for people' },
    field: { type: 'string', description: 'Path of the field that is wrong' },
  },
};
