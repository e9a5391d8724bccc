/** The tenants' policies as every engine of a log knows them. */
import type { EventStore } from '@mandate/event-store';
import { policyDecider, type Policy, type PolicyCommand, type PolicyEvent } from '@mandate/scheduling';
import type { Logger } from '@mandate/service-host';
import type { NatsConnection } from '@nats-io/transport-node';
import { TenantAggregate } from './tenant-aggregate.js';

export interface PoliciesOptions {
  connection: NatsConnection;
  store: EventStore;
  logger: Logger;
  changed: (tenant: string, event: PolicyEvent) => void;
}

export class Policies extends TenantAggregate<PolicyCommand, Policy, PolicyEvent> {
  constructor(options: PoliciesOptions) {
    super({ ...options, stream: { type: 'policy', id: 'flow' }, decider: policyDecider, busy: 'POLICY_BUSY' });
  }
}
