// Writes a JSON Schema (2020-12) of every event's data from its TypeScript type: `node tools/event-schemas.mjs [--check]`.
// The events are types, not classes: nothing is parsed from outside there, and one definition is enough.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';

const root = new URL('..', import.meta.url);
const AGGREGATES = [
  { aggregate: 'delegation', union: 'DelegationEvent', source: 'libs/delegation/src/events.ts' },
  { aggregate: 'agent', union: 'AgentEvent', source: 'apps/delegation-engine/src/engine/agent-events.ts' },
  { aggregate: 'audit', union: 'AuditEvent', source: 'libs/audit-trail/src/events.ts' },
  { aggregate: 'erasure', union: 'ErasureEvent', source: 'apps/audit/src/erasure/erasure-events.ts' },
  { aggregate: 'deadletter', union: 'DeadLetterEvent', source: 'apps/delegation-engine/src/engine/dead-letter-events.ts' },
  { aggregate: 'recogniser', union: 'RecogniserEvent', source: 'apps/delegation-engine/src/engine/lesson-events.ts' },
  { aggregate: 'retention', union: 'RetentionEvent', source: 'libs/audit-trail/src/retention/retention.ts' },
  { aggregate: 'schedule', union: 'ScheduleEvent', source: 'libs/scheduling/src/schedule.ts' },
  { aggregate: 'reputation', union: 'ReputationEvent', source: 'libs/scheduling/src/quarantine.ts' },
  { aggregate: 'scheduler', union: 'SchedulerEvent', source: 'apps/delegation-engine/src/engine/drifts.ts' },
  { aggregate: 'policy', union: 'PolicyEvent', source: 'libs/scheduling/src/policy.ts' },
].map((entry) => ({ ...entry, source: fileURLToPath(new URL(entry.source, root)) }));
const FOLDER = 'docs/schemas/events';

const program = ts.createProgram(
  AGGREGATES.map(({ source }) => source),
  {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    customConditions: ['@mandate/source'],
    experimentalDecorators: true,
    types: [],
  },
);
const checker = program.getTypeChecker();
const eventsOf = ({ aggregate, union, source }) => {
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(source)));
  const events = checker.getDeclaredTypeOfSymbol(exported.find(({ name }) => name === union));
  return (events.types ?? [events]).map((event) => ({ name: `dev.mandate.${aggregate}.${literalOf(event)}.v1`, event }));
};

const literalOf = (type) => checker.getTypeOfSymbol(type.getProperty('type')).value;

const schemaOf = (type) => {
  if (type.flags & ts.TypeFlags.Any || type.flags & ts.TypeFlags.Unknown) throw new Error('an event has a field without a type');
  if (type.aliasSymbol?.name === 'JsonValue') return {};
  if (type.flags & ts.TypeFlags.BooleanLike) return { type: 'boolean' };
  if (type.isStringLiteral()) return { const: type.value };
  if (type.flags & ts.TypeFlags.String) return { type: 'string' };
  if (type.flags & ts.TypeFlags.Number) return { type: 'number' };
  if (type.flags & ts.TypeFlags.Null) return { type: 'null' };
  if (type.isUnion()) return unionOf(type.types.filter((member) => !(member.flags & ts.TypeFlags.Undefined)));
  if (checker.isArrayType(type)) return { type: 'array', items: schemaOf(checker.getTypeArguments(type)[0]) };
  return objectOf(type);
};

const unionOf = (members) => {
  if (members.length === 1) return schemaOf(members[0]);
  if (members.every((member) => member.flags & ts.TypeFlags.BooleanLike)) return { type: 'boolean' };
  if (members.every((member) => member.isStringLiteral())) return { enum: members.map(({ value }) => value) };
  return { anyOf: members.map(schemaOf) };
};

const objectOf = (type) => {
  const values = type.getStringIndexType();
  if (values) return { type: 'object', additionalProperties: schemaOf(values) };
  const properties = type.getProperties();
  return {
    type: 'object',
    required: properties.filter((property) => !(property.flags & ts.SymbolFlags.Optional)).map(({ name }) => name),
    properties: Object.fromEntries(properties.map((property) => [property.name, schemaOf(checker.getTypeOfSymbol(property))])),
  };
};

const style = await resolveConfig(new URL('package.json', root));
mkdirSync(new URL(FOLDER, root), { recursive: true });
for (const { name, event } of AGGREGATES.flatMap(eventsOf)) {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:mandate:schema:${name}`,
    title: name,
    ...schemaOf(checker.getTypeOfSymbol(event.getProperty('data'))),
  };
  const file = new URL(`${FOLDER}/${name}.json`, root);
  const text = await format(JSON.stringify(schema), { ...style, parser: 'json' });
  const before = (() => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  })();
  if (before === text) continue;
  if (process.argv.includes('--check')) {
    console.error(`${FOLDER}/${name}.json is out of date: run node tools/event-schemas.mjs`);
    process.exitCode = 1;
  } else writeFileSync(file, text);
}
