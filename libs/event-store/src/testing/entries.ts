/** Entries for this library's own specs. */
import { randomBytes } from 'node:crypto';
import { ulid, type JsonObject } from '@mandate/kernel';
import type { AppendEntry, StreamId } from '../types.js';

export const MASTER_KEY = '42'.repeat(32);
export const where = { service: 'event-store-spec', instance: 'spec-1' };
export const AT = '2026-11-23T05:00:00.000Z';

export const newStream = (): StreamId => ({ type: 'delegation', id: ulid(Date.parse(AT), randomBytes(10)) });

export const entryFor = (
  stream: StreamId,
  expected: AppendEntry['expected'],
  count = 1,
  data: JsonObject = {},
  personal?: JsonObject,
): AppendEntry => ({
  tenant: 'default',
  stream,
  expected,
  events: Array.from({ length: count }, (_, i) => ({
    type: 'dev.mandate.delegation.requested.v1',
    occurredAt: AT,
    data: { index: i, ...data },
    ...(personal ? { personal } : {}),
  })),
  actor: { kind: 'agent', id: 'spec' },
  correlationId: stream.id,
});
