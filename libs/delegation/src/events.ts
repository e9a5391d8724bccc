/**
 * What can happen to a delegation. On the wire the type is `dev.mandate.delegation.<type>.v1`.
 * `data` is readable by everyone who may read the event; `personal` is encrypted at rest and stands on the bus as a reference.
 */
import type { Effects, Pattern } from '@mandate/contracts';
import type { JsonObject, JsonValue } from '@mandate/kernel';

/** Times as RFC 3339, money as a decimal string; absent: no limit. */
export interface BudgetData {
  deadlineAt: string;
  depth: number;
  steps: number;
  usd?: string;
  tokens?: number;
}

interface Usage {
  usd?: string;
  tokens?: number;
}

interface Text {
  goal?: string;
  input?: JsonValue;
}

type Texts = Record<string, Text & { compensate?: Text }>;

/** A step without its personal texts, as it stands in `data`. */
export interface PlannedStep {
  id: string;
  capability: string;
  dependsOn: string[];
  irreversible: boolean;
  timeoutMs: number;
  maxAttempts: number;
  compensate?: { capability: string };
}

/** A step that undoes another one. */
export interface PlannedUndo {
  id: string;
  compensates: string;
  capability: string;
  timeoutMs: number;
  maxAttempts: number;
}

interface Of<Type extends string, Data, Personal = undefined> {
  type: Type;
  /** Milliseconds since the epoch. */
  at: number;
  data: Data;
  /** Absent once erased. */
  personal?: Personal | undefined;
}

export type DelegationEvent =
  | Of<
      'requested',
      {
        principal: string;
        pattern: 'auto' | Pattern;
        budget: BudgetData;
        approval: 'never' | 'irreversible' | 'plan';
        /** Absent: a day. */
        approvalTimeoutMs?: number;
        /** Nothing begins before. */
        startAt?: string;
        /** Absent: 4. */
        priority?: number;
        concurrencyKey?: string;
        parent?: { delegationId: string; stepId: string; attempt: number };
        /** Keyed digests of what its ancestors were at; absent where there is nothing to compare with. */
        lineage?: readonly string[];
      },
      {
        goal: string;
        input?: JsonValue;
        metadata?: Record<string, string>;
        tools?: { id: string; description?: string }[];
        /** Whom the data is about: it is encrypted under that person's key. */
        dataSubject?: string;
      }
    >
  | Of<'rejected', { principal: string; code: string; existingId?: string }, { error: string }>
  | Of<
      'recognised',
      {
        pattern: Pattern;
        confidence: number;
        alternatives: { pattern: Pattern; confidence: number }[];
        model: string;
        planner: boolean;
        /** Below it the request fell back. Absent where nothing was read, and in what was recorded before it was kept. */
        threshold?: number;
        /** Of all that answered; the layer's lessons, where a layer did. Absent where nothing learned was asked. */
        digest?: string;
        layer?: number;
      },
      { reasons: string[] }
    >
  | Of<'fellback', { reason: FallbackReason; capability: string }, { error: string }>
  | Of<
      'planned',
      { by: 'request' | 'rules' | 'planner' | 'fallback'; pattern: Pattern; steps: PlannedStep[] },
      { texts: Texts; reasons: string[] }
    >
  | Of<
      'stepdispatched',
      {
        stepId: string;
        attempt: number;
        lease: number;
        instance: string;
        capability: string;
        /** What the step asks for, where `capability` stands in for it while its breaker is open. */
        substituteFor?: string;
        effects: Effects;
        reason: DispatchReason;
        closeAt: string;
      }
    >
  | Of<'stepstarted', { stepId: string; attempt: number; instance: string; closeAt: string }>
  | Of<'stepprogressed', { stepId: string; attempt: number }, { progress: JsonValue }>
  | Of<'stepsucceeded', { stepId: string; attempt: number; bytes: number; usage?: Usage }, { output: JsonValue; sha256?: string }>
  /** `retryable`: by what the worker says, another attempt might do better; there was none left to make. */
  | Of<
      'stepfailed',
      { stepId: string; attempt: number; code: string; retryable?: boolean; cancels: string[]; usage?: Usage },
      { error: string }
    >
  | Of<
      'stepretried',
      {
        stepId: string;
        attempt: number;
        code: string;
        counts: boolean;
        retryAt: string;
        cancels: string[];
        usage?: Usage;
        /** Of an offer that came to nothing: what became of it. */
        offer?: 'declined' | 'no-answer';
      },
      { error: string }
    >
  /** `quarantined`: it was taken from a worker that is well, as far as anyone knows. */
  | Of<'steptimedout', { stepId: string; attempt: number; timeout: Timeout; quarantined?: true }>
  | Of<
      'inputrequired',
      { stepId: string; attempt: number; questionId: string; cancels: string[]; usage?: Usage },
      { text: string; schema?: JsonObject }
    >
  | Of<'answered', { stepId: string; questionId: string; by: string; commandId: string }, { answer: JsonValue }>
  | Of<'approvalrequested', ApprovalScope & { digest?: string; expiresAt?: string }>
  /** `digest`: what was approved. `own`: by who asked for the delegation, which only the administrator may. */
  | Of<
      'approved',
      { scope: 'plan' | 'step'; stepId?: string; by: string; commandId: string; digest?: string; own?: boolean },
      { reason: string }
    >
  | Of<'approvalexpired', ApprovalScope>
  | Of<'denied', { scope: 'plan' | 'step'; stepId?: string; by: string; commandId: string }, { reason: string }>
  /** What the request turned out to ask for, as somebody who knows says; also after the end. */
  | Of<'feedbackgiven', { pattern: Pattern; by: string; commandId: string }, { reason: string }>
  | Of<'childadmitted', { childId: string; stepId: string; attempt: number; budget: BudgetData }>
  /** It ends as `outcome` says once what succeeded is undone: `undo` in this order, by `deadlineAt`. */
  | Of<
      'compensating',
      { undo: PlannedUndo[]; deadlineAt: string; cancels: string[] } & (
        { outcome: 'failed'; code: string; stepId?: string } | { outcome: 'canceled'; by: string; commandId: string }
      ),
      { error: string }
    >
  /** What the child and everything below it used of its budget; the rest is its parent's again. */
  | Of<'childended', { childId: string; used: { steps: number; usd: string; tokens: number } }>
  | Of<'completed', { steps: number; sinks: string[] }>
  /** `notUndone`: steps whose compensation failed. */
  | Of<'failed', { code: string; stepId?: string; cancels: string[]; notUndone?: string[] }, { error: string }>
  | Of<'canceled', { by: string; commandId: string; cancels: string[]; notUndone?: string[] }, { reason: string }>;

export type ApprovalScope = { scope: 'plan' } | { scope: 'step'; stepId: string };

export type DelegationEventType = DelegationEvent['type'];

export type FallbackReason = 'LOW_CONFIDENCE' | 'RECOGNISER_FAILED' | 'RECOGNISER_SLOW' | 'PLANNER_FAILED' | 'PLANNER_SLOW' | 'UNPLANNABLE';
/** Why an attempt is offered: for the first time, or again after the worker before declined, did not answer or was lost before it began. */
export type DispatchReason = 'first' | 'retry' | 'declined' | 'no-answer' | 'lost-before-start';
export type Timeout = 'schedule-to-start' | 'start-to-close' | 'heartbeat';

export const EVENT_TYPE_PREFIX = 'dev.mandate.delegation.';
export const eventTypeName = (type: DelegationEventType): string => `${EVENT_TYPE_PREFIX}${type}.v1`;
