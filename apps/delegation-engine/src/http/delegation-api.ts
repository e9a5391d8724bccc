/** What the HTTP edge asks of the engine. Reads come from PostgreSQL; everything that changes something enters through the inbound stream. */
import type {
  Acknowledgement,
  AgentView,
  DelegationCommand,
  DelegationListItem,
  DelegationView,
  EventView,
  ExplanationView,
  Page,
  RebuildView,
  Pattern,
  TaskState,
  TemplateView,
} from '@mandate/contracts';
import type { JsonValue } from '@mandate/kernel';

export interface Caller {
  tenant: string;
  principal: string;
  traceparent: string;
}

export interface ListQuery {
  state?: TaskState;
  pattern?: Pattern;
  q?: string;
  since?: string;
  limit: number;
  cursor?: string;
}

export abstract class DelegationApi {
  /**
   * Publishes a request as it came and resolves to the engine's one answer; throws its problem. Whatever is wrong with the body is found
   * there, so that a refusal over HTTP is recorded like one over NATS.
   */
  abstract request(caller: Caller, id: string, body: Uint8Array): Promise<Acknowledgement>;
  abstract command(caller: Caller, delegationId: string, command: DelegationCommand): Promise<Acknowledgement>;
  abstract view(caller: Caller, delegationId: string): Promise<DelegationView>;
  abstract explanation(caller: Caller, delegationId: string): Promise<ExplanationView>;
  abstract templates(caller: Caller, enough: number): Promise<TemplateView[]>;
  abstract list(caller: Caller, query: ListQuery): Promise<Page<DelegationListItem>>;
  /** Events after a global position, oldest first. */
  abstract events(caller: Caller, delegationId: string, after: number, limit: number): Promise<EventView[]>;
  /** The same, and those to come, until the delegation has ended or `signal` aborts. */
  abstract follow(caller: Caller, delegationId: string, after: number, signal: AbortSignal): AsyncIterable<EventView>;
  /** One event with its personal fields. */
  abstract event(caller: Caller, delegationId: string, eventId: string): Promise<EventView>;
  abstract output(caller: Caller, delegationId: string, stepId: string): Promise<JsonValue>;
  /** Makes the list anew from the log, on record. */
  abstract rebuild(caller: Caller): Promise<RebuildView>;
  abstract agents(caller: Caller): Promise<AgentView[]>;
}
