import type { AuditEventView } from '@mandate/contracts';

/** An event of the trail; `given` says what matters in it. */
export const anEvent = (given: Partial<AuditEventView> = {}): AuditEventView => ({
  position: 1,
  id: '01KB0000000000000000000002',
  tenant: 'default',
  action: 'dev.mandate.delegation.requested.v1',
  schemaVersion: 1,
  resource: { type: 'delegation', id: '01KB0000000000000000000001', version: 1 },
  actor: { kind: 'agent', id: 'ann' },
  outcome: 'success',
  occurredAt: '2026-11-25T12:00:00.000Z',
  recordedAt: '2026-11-25T12:00:00.123Z',
  correlationId: '01KB0000000000000000000001',
  where: { service: 'delegation-engine', instance: 'engine-1' },
  data: {},
  leafHash: 'ab'.repeat(32),
  ...given,
});
