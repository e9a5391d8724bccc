/** Events of a delegation as the bus carries them: facts in the open, personal fields as references to the API. */
import type { Effects, EventView, Pattern, TaskState } from '@mandate/contracts';
import { Match, type MsgHdrs } from '@nats-io/transport-node';
import { decodeJson, isObject } from '../wire.js';

/** Stands where a personal field was (goal, input, output, error text, answer, metadata); the API answers those who may read it. */
export interface Reference {
  $ref: string;
}

/** The fields of each event that are not personal. */
export interface DelegationEventData {
  requested: { principal: string; pattern: 'auto' | Pattern };
  rejected: { principal: string; code: string; existingId?: string };
  recognised: { pattern: Pattern; confidence: number; alternatives: { pattern: Pattern; confidence: number }[]; model: string };
  planned: { pattern: Pattern; steps: { id: string; capability: string; dependsOn: string[] }[] };
  fellback: { reason: string; capability: string };
  stepdispatched: { stepId: string; attempt: number; instance: string; capability: string; effects: Effects };
  stepstarted: { stepId: string; attempt: number; instance: string };
  stepprogressed: { stepId: string; attempt: number };
  stepsucceeded: { stepId: string; attempt: number; bytes: number };
  stepfailed: { stepId: string; attempt: number; code: string };
  stepretried: { stepId: string; attempt: number; code: string; retryAt: string };
  steptimedout: { stepId: string; attempt: number; timeout: string };
  inputrequired: { stepId: string; attempt: number; questionId: string };
  answered: { stepId: string; questionId: string; by: string };
  approvalrequested: { scope: 'plan' | 'step'; stepId?: string; digest?: string; expiresAt?: string };
  approved: { scope: 'plan' | 'step'; stepId?: string; by: string; digest?: string };
  approvalexpired: { scope: 'plan' | 'step'; stepId?: string };
  denied: { scope: 'plan' | 'step'; stepId?: string; by: string };
  compensating: { outcome: 'failed' | 'canceled'; undo: { id: string; compensates: string; capability: string }[] };
  completed: { steps: number; sinks: string[] };
  failed: { code: string; stepId?: string; notUndone?: string[] };
  canceled: { by: string; notUndone?: string[] };
}

export type DelegationEventType = keyof DelegationEventData;

interface EventOf<Type extends DelegationEventType> {
  /** `ce-id`: the same event has the same id however often it is delivered. */
  id: string;
  type: Type;
  /** Global position in the store (`ce-sequence`); the cursor for `resume`. */
  position: number;
  /** RFC 3339. */
  time: string;
  delegationId: string;
  data: DelegationEventData[Type];
}

/** Readers leave alone the types they do not know: later versions add some. */
export type DelegationEvent = { [Type in DelegationEventType]: EventOf<Type> }[DelegationEventType];
export type FinalEvent = Extract<DelegationEvent, { type: 'completed' | 'failed' | 'canceled' | 'rejected' }>;

const TYPE_NAME = /^dev\.mandate\.delegation\.([a-z]+)\.v\d+$/;

/** Null for what is no event of a delegation. */
export const readEvent = (headers: MsgHdrs | undefined, body: Uint8Array, delegationId: string): DelegationEvent | null => {
  if (!headers) return null;
  const header = (name: string): string => headers.get(name, Match.IgnoreCase);
  const type = TYPE_NAME.exec(header('ce-type'))?.[1];
  const position = Number(header('ce-sequence'));
  const data = decodeJson(body);
  if (!type || !Number.isSafeInteger(position) || position <= 0 || !isObject(data)) return null;
  return { id: header('ce-id'), type, position, time: header('ce-time'), delegationId, data } as unknown as DelegationEvent;
};

export const eventOfView = (view: EventView, delegationId: string): DelegationEvent | null => {
  const type = TYPE_NAME.exec(view.type)?.[1] ?? view.type;
  return { id: view.id, type, position: view.position, time: view.time, delegationId, data: view.data } as unknown as DelegationEvent;
};

export const isFinalEvent = (event: DelegationEvent): event is FinalEvent =>
  event.type === 'completed' || event.type === 'failed' || event.type === 'canceled' || event.type === 'rejected';

const STATE_AFTER: Partial<Record<DelegationEventType, TaskState>> = {
  requested: 'TASK_STATE_SUBMITTED',
  rejected: 'TASK_STATE_REJECTED',
  stepdispatched: 'TASK_STATE_WORKING',
  stepstarted: 'TASK_STATE_WORKING',
  inputrequired: 'TASK_STATE_INPUT_REQUIRED',
  approvalrequested: 'TASK_STATE_INPUT_REQUIRED',
  answered: 'TASK_STATE_WORKING',
  approved: 'TASK_STATE_WORKING',
  completed: 'TASK_STATE_COMPLETED',
  failed: 'TASK_STATE_FAILED',
  canceled: 'TASK_STATE_CANCELED',
};

/** The state after one more event, as far as the events alone say it; the API knows it exactly. */
export const stateAfter = (before: TaskState, event: DelegationEvent): TaskState => STATE_AFTER[event.type] ?? before;
