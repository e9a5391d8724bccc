/** JSON Schemas of the audit views, for OpenAPI. */
import { schemas } from '@mandate/service-host';
import { OUTCOMES } from './documents.js';

const { integer, list, nullable, record, text, time } = schemas;

const orNull = (schema: object): Readonly<Record<string, unknown>> => ({ anyOf: [schema, { type: 'null' }] });

export const HOLD = record(
  { id: text, of: { type: 'string', enum: ['all', 'delegation', 'subject'] }, delegationId: text, placedAt: time },
  ['delegationId'],
);

export const RETENTION = record({
  days: orNull(integer),
  holds: list(HOLD),
  lastRunAt: orNull(time),
  partitions: list(record({ from: integer, to: integer, retiredAt: orNull(time), stays: orNull(text) })),
});

export const RETENTION_RUN = record(
  {
    retired: list(
      record({ from: integer, to: integer, events: integer, kept: integer, archive: record({ file: text, sha256: text, bytes: integer }) }),
    ),
    deadLetters: integer,
    stoppedBy: text,
    holdId: text,
  },
  ['holdId'],
);

export const ERASURE_PREVIEW = record({
  of: { type: 'string', enum: ['subject', 'delegation'] },
  delegations: integer,
  subjectKeys: integer,
  running: list(text),
});

export const ERASURE = record({
  id: text,
  of: { type: 'string', enum: ['subject', 'delegation'] },
  requestedAt: time,
  by: text,
  completedAt: { anyOf: [time, { type: 'null' }] },
  delegations: integer,
  keys: integer,
  snapshots: integer,
  deadLetters: integer,
  reapplied: integer,
});

export const AUDIT_EVENT = record(
  {
    position: integer,
    id: text,
    tenant: text,
    action: text,
    schemaVersion: integer,
    resource: record({ type: text, id: text, version: integer }),
    actor: record(
      { kind: { type: 'string', enum: ['agent', 'worker', 'operator', 'service'] }, id: text, onBehalfOf: list(text), auth: {} },
      ['onBehalfOf', 'auth'],
    ),
    outcome: { type: 'string', enum: OUTCOMES },
    reason: text,
    occurredAt: time,
    recordedAt: time,
    correlationId: text,
    causationId: text,
    traceId: text,
    where: record({ service: text, instance: text, address: text }, ['address']),
    data: { type: 'object', description: 'References stand in the place of personal fields' },
    leafHash: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  },
  ['reason', 'causationId', 'traceId'],
);

const AT = record({ position: integer, recordedAt: nullable(time) });
export const STATE = {
  anyOf: [
    record({ at: AT, resource: record({ type: text, id: text, version: integer }), state: { type: 'object' } }),
    record({
      at: AT,
      events: { type: 'object', additionalProperties: integer },
      delegations: record({
        requested: integer,
        rejected: integer,
        completed: integer,
        failed: integer,
        canceled: integer,
        active: integer,
      }),
    }),
  ],
};

export const FORK = record(
  {
    delegationId: text,
    status: { type: 'string', description: '`active` where nobody knows what a step would have answered' },
    recordedStatus: text,
    diff: list(
      record(
        { is: { type: 'string', enum: ['same', 'changed', 'removed', 'added'] }, type: text, stepId: text, fields: { type: 'object' } },
        ['stepId', 'fields'],
      ),
    ),
    reused: list(text),
    open: list(record({ stepId: text, capability: text })),
    approvals: list(text),
    assumedThreshold: { type: 'number', description: 'the default of today, where it stood for a threshold that is not on record' },
  },
  ['assumedThreshold'],
);
