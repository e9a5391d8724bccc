/** RFC 4180, one event a row; what varies from type to type is JSON in the last column but one. */
import type { AuditEventView } from '@mandate/contracts';
import type { Exporter } from './exported.js';

const COLUMNS: readonly [name: string, read: (event: AuditEventView) => string | number | undefined][] = [
  ['position', ({ position }) => position],
  ['id', ({ id }) => id],
  ['occurred_at', ({ occurredAt }) => occurredAt],
  ['recorded_at', ({ recordedAt }) => recordedAt],
  ['tenant', ({ tenant }) => tenant],
  ['action', ({ action }) => action],
  ['schema_version', ({ schemaVersion }) => schemaVersion],
  ['resource_type', ({ resource }) => resource.type],
  ['resource_id', ({ resource }) => resource.id],
  ['resource_version', ({ resource }) => resource.version],
  ['actor_kind', ({ actor }) => actor.kind],
  ['actor_id', ({ actor }) => actor.id],
  ['on_behalf_of', ({ actor }) => actor.onBehalfOf?.join(' ')],
  ['auth_method', ({ actor }) => actor.auth?.method],
  ['session', ({ actor }) => actor.auth?.session],
  ['outcome', ({ outcome }) => outcome],
  ['reason', ({ reason }) => reason],
  ['correlation_id', ({ correlationId }) => correlationId],
  ['causation_id', ({ causationId }) => causationId],
  ['trace_id', ({ traceId }) => traceId],
  ['service', ({ where }) => where.service],
  ['instance', ({ where }) => where.instance],
  ['address', ({ where }) => where.address],
  ['data', ({ data }) => JSON.stringify(data)],
  ['leaf_hash', ({ leafHash }) => leafHash],
];

/** Spreadsheets run a cell that begins so as a formula. */
const FORMULA = /^[=+\-@\t\r]/;

const cell = (value: string | number | undefined): string => {
  if (typeof value !== 'string') return value === undefined ? '' : String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

export const csv: Exporter = {
  contentType: 'text/csv; charset=utf-8; header=present',
  head: `${COLUMNS.map(([name]) => name).join(',')}\r\n`,
  line: ({ event }) => `${COLUMNS.map(([, read]) => cell(read(event))).join(',')}\r\n`,
};
