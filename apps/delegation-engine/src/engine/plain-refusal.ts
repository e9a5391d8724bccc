import { TENANT_TOKEN, type Problem } from '@mandate/contracts';
import type { Refusal } from '@mandate/event-store';
import type { BusRequest } from '@mandate/messaging';

/** A plain message over NATS that was refused: nobody but its subject says whose it was. */
export const plainRefusal = (
  operation: string,
  { subject, headers }: Partial<BusRequest> & Pick<BusRequest, 'subject'>,
  { code, status }: Problem,
): Refusal => {
  const tenant = subject.split('.')[2] ?? '';
  const traceparent = headers?.get('traceparent') || undefined;
  return {
    tenant: TENANT_TOKEN.test(tenant) ? tenant : 'default',
    principal: 'unknown',
    kind: 'worker',
    via: 'nats',
    operation,
    code,
    status,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
};
