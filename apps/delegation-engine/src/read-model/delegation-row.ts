/** The list of delegations: what a row is, and how events change it. Goals are personal and never stand here. */
import { isFinal, type DelegationListItem, type Pattern, type TaskState } from '@mandate/contracts';
import { EVENT_TYPE_PREFIX, type DelegationEvent } from '@mandate/delegation';
import { timestamp } from '@mandate/kernel';

/** What a row remembers of a running delegation to tell its state; steps by id. */
export interface Progress {
  planWaits: boolean;
  working: string[];
  /** For an answer or an approval. */
  waiting: string[];
  /** A step has succeeded. */
  moved: boolean;
}

export interface DelegationRow {
  tenant: string;
  id: string;
  state: TaskState;
  pattern: Pattern | null;
  confidence: number | null;
  principal: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  endedAt: number | null;
  /** Of the last event that is in the row. */
  position: number;
  /** Null once it has ended. */
  progress: Progress | null;
}

/** A stored event as the projection sees it: without its personal fields. */
export interface ListedEvent {
  /** `dev.mandate.delegation.<name>.v1` */
  type: string;
  tenant: string;
  stream: { id: string };
  data: unknown;
  /** RFC 3339. */
  occurredAt: string;
  position: number;
}

type Known = {
  [Type in DelegationEvent['type']]: Pick<Extract<DelegationEvent, { type: Type }>, 'type' | 'data'>;
}[DelegationEvent['type']];

const AT_START: Progress = { planWaits: false, working: [], waiting: [], moved: false };

/** The event of the domain; undefined for one of another aggregate. What the store holds was checked when it was written. */
const knownEvent = ({ type, data }: ListedEvent): Known | undefined =>
  type.startsWith(EVENT_TYPE_PREFIX) ? ({ type: type.slice(EVENT_TYPE_PREFIX.length).replace(/\.v\d+$/, ''), data } as Known) : undefined;

/** Null stays null for an event that begins nothing; an event that the row has already seen changes nothing. */
export const applyToRow = (row: DelegationRow | null, recorded: ListedEvent): DelegationRow | null => {
  const event = knownEvent(recorded);
  if (!event) return row;
  if (!row) return begun(event, recorded);
  if (recorded.position <= row.position) return row;
  const { position } = recorded;
  if (!row.progress) return { ...row, position };
  switch (event.type) {
    case 'recognised':
      return { ...row, position, pattern: event.data.pattern, confidence: event.data.confidence };
    case 'planned':
      return { ...row, position, pattern: row.pattern && event.data.pattern };
    case 'completed':
      return { ...row, position, state: 'TASK_STATE_COMPLETED', endedAt: Date.parse(recorded.occurredAt), progress: null };
    case 'failed':
      return { ...row, position, state: 'TASK_STATE_FAILED', endedAt: Date.parse(recorded.occurredAt), progress: null };
    case 'canceled':
      return { ...row, position, state: 'TASK_STATE_CANCELED', endedAt: Date.parse(recorded.occurredAt), progress: null };
    default: {
      const progress = progressed(row.progress, event);
      return { ...row, position, progress, state: stateOf(progress) };
    }
  }
};

const begun = (event: Known, { tenant, stream: { id }, occurredAt, position }: ListedEvent): DelegationRow | null => {
  const createdAt = Date.parse(occurredAt);
  const row = { tenant, id, pattern: null, confidence: null, createdAt, position };
  if (event.type === 'requested')
    return { ...row, principal: event.data.principal, state: 'TASK_STATE_SUBMITTED', endedAt: null, progress: AT_START };
  if (event.type === 'rejected')
    return { ...row, principal: event.data.principal, state: 'TASK_STATE_REJECTED', endedAt: createdAt, progress: null };
  return null;
};

const without = (ids: readonly string[], id: string | undefined): string[] => ids.filter((other) => other !== id);

const works = (progress: Progress, id: string): Progress => ({
  ...progress,
  working: [...without(progress.working, id), id],
  waiting: without(progress.waiting, id),
});

const waits = (progress: Progress, id: string): Progress => ({
  ...progress,
  working: without(progress.working, id),
  waiting: [...without(progress.waiting, id), id],
});

const rests = (progress: Progress, id: string | undefined): Progress => ({
  ...progress,
  working: without(progress.working, id),
  waiting: without(progress.waiting, id),
});

const progressed = (progress: Progress, event: Known): Progress => {
  switch (event.type) {
    case 'stepdispatched':
    case 'stepstarted':
    case 'stepretried':
      return works(progress, event.data.stepId);
    case 'stepsucceeded':
      return { ...rests(progress, event.data.stepId), moved: true };
    case 'inputrequired':
      return waits(progress, event.data.stepId);
    case 'approvalrequested':
      return event.data.scope === 'plan' ? { ...progress, planWaits: true } : waits(progress, event.data.stepId);
    case 'compensating':
      return { planWaits: false, working: [], waiting: [], moved: true };
    case 'approved':
      return event.data.scope === 'plan' ? { ...progress, planWaits: false } : rests(progress, event.data.stepId);
    case 'stepfailed':
    case 'answered':
      return rests(progress, event.data.stepId);
    default:
      return progress;
  }
};

/** As `taskStateOf` of the domain: waiting for a person counts only when nothing else moves. */
const stateOf = ({ planWaits, working, waiting, moved }: Progress): TaskState => {
  if (planWaits) return 'TASK_STATE_INPUT_REQUIRED';
  if (working.length > 0) return 'TASK_STATE_WORKING';
  if (waiting.length > 0) return 'TASK_STATE_INPUT_REQUIRED';
  return moved ? 'TASK_STATE_WORKING' : 'TASK_STATE_SUBMITTED';
};

export const isOpen = (state: TaskState): boolean => !isFinal(state);

export const toListItem = (row: Omit<DelegationRow, 'progress' | 'position' | 'tenant'>): DelegationListItem => ({
  id: row.id,
  state: row.state,
  pattern: row.pattern,
  confidence: row.confidence,
  principal: row.principal,
  createdAt: timestamp(row.createdAt),
  endedAt: row.endedAt === null ? null : timestamp(row.endedAt),
});
