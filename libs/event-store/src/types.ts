/**
 * The words of the event store.
 * Log: a gapless sequence of events, one in a database. Position: place in the log, from 1. Stream: the events of one aggregate.
 * Version: place in the stream, from 1; 0 = the stream does not exist. Envelope: the audit record of an event, which is hashed.
 */
import type { JsonObject } from '@mandate/kernel';

export type ExpectedVersion = number | 'no-stream' | 'stream-exists' | 'any';

export interface StreamId {
  /** Aggregate type, `[a-z0-9-]{1,60}`: delegation, agent. */
  type: string;
  id: string;
}

/** Who did it, for whom, and how that was established. */
export interface Actor {
  kind: 'agent' | 'worker' | 'operator' | 'service';
  id: string;
  onBehalfOf?: string[];
  auth?: { method: string; session?: string };
}

export type Outcome = 'success' | 'failure' | 'denied';

export interface NewEvent {
  /** `dev.mandate.<aggregate>.<past-tense>.v1`. */
  type: string;
  /** Default 1. */
  schemaVersion?: number;
  /** RFC 3339, UTC, milliseconds. */
  occurredAt: string;
  data: JsonObject;
  /** Stored encrypted; stands on the bus as references. */
  personal?: JsonObject;
  /** Default: the entry's. */
  actor?: Actor;
  /** Default success. */
  outcome?: Outcome;
  reason?: string;
  /** Default: the entry's. */
  causationId?: string;
}

export interface SlotAcquisition {
  stepId: string;
  attempt: number;
  /** Number of the lease within the attempt. */
  lease: number;
  instance: string;
  capability: string;
  /** By which slots can be limited together. */
  key?: string | null;
}

/** Why an attempt waits to be made: `retry` after a failure of the one before, the others without one. */
export type WaitReason = 'first' | 'retry' | 'worker-lost' | 'not-accepted' | 'answered';

export interface WaitingStep {
  stepId: string;
  attempt: number;
  capability: string;
  key?: string | null;
  /** Smaller goes first. */
  urgency: number;
  /** Default `first`. */
  reason?: WaitReason;
  /** A substitute of the capability may take it; default no. */
  substitutable?: boolean;
}

/** What is appended, checked and changed together, or not at all. */
export interface AppendEntry {
  tenant: string;
  stream: StreamId;
  expected: ExpectedVersion;
  /** `[]` only checks version and epochs ("may I ack this message?"); slots, waiting, open and wakeAt still apply. */
  events: readonly NewEvent[];
  actor: Actor;
  correlationId: string;
  causationId?: string;
  traceparent?: string;
  /** Whose key encrypts the personal data; default: one of the stream itself. */
  dataSubject?: string;
  /** Refused (`FENCED`) unless the partition's epoch is this one. */
  partition?: { index: number; epoch: number };
  /** Whether the stream still needs its owner: open streams are what a new owner takes over. */
  open?: boolean;
  /** Durable timer. Written only when earlier than the stored one or when that one has passed, so a timer may fire early. */
  wakeAt?: Date | null;
  /** The first append of a request: the same request again is refused for good. */
  request?: { digest: Buffer; idempotency?: { principal: string; key: string } };
  /** `release` takes effect before `acquire`. Refused (`SCHEDULER_FENCED`) unless the scheduler's epoch is this one. */
  slots?: { schedulerEpoch?: number; acquire?: readonly SlotAcquisition[]; release?: readonly string[] };
  waiting?: { add?: readonly WaitingStep[]; remove?: readonly string[] };
}

export type RejectionCode = 'VERSION_CONFLICT' | 'FENCED' | 'SCHEDULER_FENCED' | 'IDEMPOTENT_REPEAT' | 'IDEMPOTENCY_CONFLICT';

export type AppendResult =
  | {
      ok: true;
      /** Of this entry's events; 0 when it has none. */
      firstPosition: number;
      lastPosition: number;
      /** Of the stream after this entry. */
      version: number;
      events: RecordedEvent[];
      /** The very same events were stored already, by an append whose answer was lost. */
      duplicate: boolean;
    }
  | {
      ok: false;
      code: RejectionCode;
      message: string;
      currentVersion?: number;
      /** The stream that holds the same request or idempotency key. */
      existing?: StreamId & { tenant: string };
    };

/** Stands in place of personal data whose key was destroyed. */
export interface Erased {
  erased: true;
}

export interface RecordedEvent {
  position: number;
  /** 26 characters, derived from log, tenant, stream and version. */
  id: string;
  tenant: string;
  stream: StreamId;
  version: number;
  type: string;
  schemaVersion: number;
  occurredAt: string;
  recordedAt: string;
  actor: Actor;
  correlationId: string;
  causationId?: string;
  traceparent?: string;
  outcome: Outcome;
  reason?: string;
  data: JsonObject;
  /** Names of the personal fields, sorted. */
  personalFields: readonly string[];
  /** Present when there is personal data and it was asked for. */
  personal?: JsonObject | Erased;
}

/** Where a store writes from: part of every audit record. */
export interface Where {
  service: string;
  instance: string;
  address?: string;
}

/** The log's head. `frontier` holds the RFC 6962 subtree roots, smallest first. */
export interface LogHead {
  name: string;
  size: number;
  epoch: number;
  frontier: Buffer;
}
