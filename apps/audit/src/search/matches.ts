import type { AuditEventView } from '@mandate/contracts';

/** What a search asks of an event; what is not named does not matter. Times bound positions and are not looked at here. */
export interface Criteria {
  tenant: string;
  actor?: string;
  onBehalfOf?: string;
  /** A type, or the beginning of some, ending in a dot. */
  action?: string;
  /** `<type>` or `<type>/<id>`. */
  resource?: string;
  outcome?: string;
  trace?: string;
}

export const matches = (event: AuditEventView, { tenant, actor, onBehalfOf, action, resource, outcome, trace }: Criteria): boolean =>
  event.tenant === tenant &&
  (actor === undefined || event.actor.id === actor) &&
  (onBehalfOf === undefined || (event.actor.onBehalfOf?.includes(onBehalfOf) ?? false)) &&
  (action === undefined || event.action === action || (action.endsWith('.') && event.action.startsWith(action))) &&
  (resource === undefined || event.resource.type === resource || `${event.resource.type}/${event.resource.id}` === resource) &&
  (outcome === undefined || event.outcome === outcome) &&
  (trace === undefined || event.traceId === trace);
