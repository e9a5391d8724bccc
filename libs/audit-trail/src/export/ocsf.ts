/** OCSF 1.3.0, class API Activity (https://schema.ocsf.io/1.3.0/classes/api_activity), one object a line. */
import type { AuditEventView } from '@mandate/contracts';
import { activityOf, nameOf, type Activity } from './activity.js';
import type { Exporter } from './exported.js';

const VERSION = '1.3.0';
const CATEGORY = { category_uid: 6, category_name: 'Application Activity' };
const CLASS = { class_uid: 6003, class_name: 'API Activity' };
const ACTIVITIES: Readonly<Record<Activity, [id: number, name: string]>> = {
  create: [1, 'Create'],
  read: [2, 'Read'],
  update: [3, 'Update'],
  delete: [4, 'Delete'],
  other: [99, 'Other'],
};
/** Of a user: 1 = a person's account, 3 = the system's own, 99 = what else acts here. */
const USER_TYPES: Readonly<Record<AuditEventView['actor']['kind'], [id: number, name: string]>> = {
  operator: [1, 'User'],
  service: [3, 'System'],
  agent: [99, 'Agent'],
  worker: [99, 'Worker'],
};
const SEVERITIES = { success: [1, 'Informational'], failure: [2, 'Low'], denied: [3, 'Medium'] } as const;

export const ocsfEvent = (event: AuditEventView): Record<string, unknown> => {
  const { actor, resource, where, outcome, reason, traceId } = event;
  const [activityId, activityName] = ACTIVITIES[activityOf(event.action)];
  const [typeId, type] = USER_TYPES[actor.kind];
  const [severityId, severity] = SEVERITIES[outcome];
  const succeeded = outcome === 'success';
  return {
    ...CATEGORY,
    ...CLASS,
    activity_id: activityId,
    activity_name: activityName === 'Other' ? nameOf(event.action) : activityName,
    type_uid: CLASS.class_uid * 100 + activityId,
    type_name: `${CLASS.class_name}: ${activityName}`,
    severity_id: severityId,
    severity,
    time: Date.parse(event.occurredAt),
    status_id: succeeded ? 1 : 2,
    status: succeeded ? 'Success' : 'Failure',
    ...(reason === undefined ? {} : { status_code: reason, status_detail: reason }),
    metadata: {
      version: VERSION,
      product: { name: 'Mandate', vendor_name: 'Mandate' },
      uid: event.id,
      event_code: event.action,
      sequence: event.position,
      logged_time: Date.parse(event.recordedAt),
      original_time: event.occurredAt,
      log_name: 'audit',
      log_provider: where.service,
      tenant_uid: event.tenant,
      correlation_uid: event.correlationId,
    },
    actor: {
      user: { uid: actor.id, name: actor.id, type_id: typeId, type },
      ...(actor.auth?.session === undefined ? {} : { session: { uid: actor.auth.session } }),
    },
    api: {
      operation: nameOf(event.action),
      service: { name: where.service },
      ...(event.causationId ? { request: { uid: event.causationId } } : {}),
    },
    resources: [{ uid: resource.id, type: resource.type, version: String(resource.version) }],
    src_endpoint: { name: where.instance, svc_name: where.service, ...(where.address === undefined ? {} : { ip: where.address }) },
    unmapped: {
      data: event.data,
      leaf_hash: event.leafHash,
      outcome,
      ...(actor.onBehalfOf === undefined ? {} : { on_behalf_of: actor.onBehalfOf }),
      ...(actor.auth === undefined ? {} : { auth_method: actor.auth.method }),
      ...(traceId === undefined ? {} : { trace_id: traceId }),
    },
  };
};

export const ocsf: Exporter = {
  contentType: 'application/x-ndjson',
  head: '',
  line: ({ event }) => `${JSON.stringify(ocsfEvent(event))}\n`,
};
