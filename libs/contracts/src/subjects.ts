/** NATS subjects of the contract. A tenant never holds a dot, so a subject splits without ambiguity. */
export const TENANT_TOKEN = /^[a-z0-9-]{1,60}$/;
export const CAPABILITY_TOKEN = TENANT_TOKEN;
export const NAME_TOKEN = /^[A-Za-z0-9_-]{1,64}$/;

const ROOT = 'mandate.v1';

export const IN_STREAM = 'MANDATE_IN';
export const EVENTS_STREAM = 'MANDATE_EVENTS';
export const PARTITIONS = 16;

export const subjects = {
  request: (tenant: string, id: string, principal: string) => `${ROOT}.${tenant}.request.${id}.${principal}`,
  result: (tenant: string, delegationId: string, stepId: string, attempt: number) =>
    `${ROOT}.${tenant}.result.${delegationId}.${stepId}.${attempt}`,
  command: (tenant: string, delegationId: string, principal: string) => `${ROOT}.${tenant}.command.${delegationId}.${principal}`,
  event: (tenant: string, aggregate: string, id: string) => `${ROOT}.${tenant}.event.${aggregate}.${id}`,
  register: (tenant: string) => `${ROOT}.${tenant}.register`,
  work: (tenant: string, instance: string) => `${ROOT}.${tenant}.work.${instance}`,
  control: (tenant: string, instance: string) => `${ROOT}.${tenant}.control.${instance}`,
  heartbeat: (tenant: string, instance: string) => `${ROOT}.${tenant}.heartbeat.${instance}`,
} as const;

/** The families of MANDATE_IN; the delegation id is the fifth token of each. */
export type Inbound =
  | { family: 'request'; tenant: string; id: string; principal: string }
  | { family: 'result'; tenant: string; id: string; stepId: string; attempt: number }
  | { family: 'command'; tenant: string; id: string; principal: string };

const ATTEMPT = /^[1-9]\d{0,5}$/;
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Reads an inbound subject; null when a token does not fit the contract. */
export const parseInbound = (subject: string): Inbound | null => {
  const [root, version, tenant, family, id, fifth, sixth, ...rest] = subject.split('.');
  if (root !== 'mandate' || version !== 'v1' || !tenant || !id || !fifth || rest.length > 0) return null;
  if (!TENANT_TOKEN.test(tenant) || !ULID.test(id) || !NAME_TOKEN.test(fifth)) return null;
  switch (family) {
    case 'request':
    case 'command':
      return sixth === undefined ? { family, tenant, id, principal: fifth } : null;
    case 'result':
      return sixth !== undefined && ATTEMPT.test(sixth) ? { family, tenant, id, stepId: fifth, attempt: Number(sixth) } : null;
    default:
      return null;
  }
};

/** The header of contract 3.1 that names where the one answer to a request goes. */
export const REPLY_TO_HEADER = 'Mandate-Reply-To';
/** The first administrator, whose key may act for every principal of the tenant; who asks for nobody in particular is this one. */
export const ADMINISTRATOR = 'admin';
/** Over HTTP: for whom the caller asks. */
export const PRINCIPAL_HEADER = 'Mandate-Principal';
