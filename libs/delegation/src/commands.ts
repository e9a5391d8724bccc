/** What a delegation can be told. Time, randomness and everything learnt from outside comes in with the command. */
import type { DelegationRequest, Effects, Pattern, StepResult, StepSpec } from '@mandate/contracts';
import type { JsonObject, JsonValue } from '@mandate/kernel';
import type { DispatchReason } from './events.js';
import type { Approval, BudgetLeft, Used } from './model.js';
import type { AgentCapability } from './planning/plan.js';
import type { Recognition } from '@mandate/recognition';

export interface PlanProposal {
  steps: { id: string; capability: string; goal: string; dependsOn: string[] }[];
  reasons: string[];
}

/** All that was learned, named so that the answer can be had again. */
export interface AnsweredBy {
  /** SHA-256 of what answered: the shipped model and, where there is one, the tenant's layer. */
  digest: string;
  /** Lessons in the tenant's layer; absent without a layer. */
  layer?: number;
}

/** What recogniser and rule planner made of a request without steps, or why they made nothing of it. */
export type Reading =
  | { kind: 'read'; recognition: (Recognition & { answeredBy?: AnsweredBy }) | null; plan: PlanProposal | { unplannable: string } }
  | { kind: 'unread'; reason: 'RECOGNISER_FAILED' | 'RECOGNISER_SLOW'; detail: string };

export interface RequestDelegation {
  type: 'request';
  id: string;
  principal: string;
  request: DelegationRequest;
  /** null when the request brings its own steps. */
  reading: Reading | null;
  /** What is left of the parent's budget for this child; null without a parent. */
  inherited: BudgetLeft | null;
  /** With what approval the parent of a child was asked for; absent, too, when the parent's engine is an older one. */
  parentApproval?: Approval;
  /** Keyed digests of what the ancestors of a child are at. */
  lineage?: readonly string[];
  agents: readonly AgentCapability[];
  /** Below this confidence the engine falls back. */
  threshold: number;
  /** A `plan` worker may be asked now. */
  plannerAvailable: boolean;
  now: number;
}

/** A keyed digest: lineages stand in events, where goals and inputs must not be guessable. */
export type WorkDigest = (work: JsonObject) => string;

export type DelegationDecisionCommand = Told & {
  /** How what a step asks for is named in a lineage; where it is absent, as when history is run again, nothing is compared. */
  workDigest?: WorkDigest;
};

type Told =
  | RequestDelegation
  | {
      type: 'dispatch';
      stepId: string;
      instance: string;
      /** That stands in for the step's own. */
      capability?: string;
      effects: Effects;
      reason: DispatchReason;
      now: number;
    }
  | { type: 'accepted'; stepId: string; attempt: number; acceptedAt: number; now: number }
  | {
      type: 'result';
      stepId: string;
      attempt: number;
      result: StepResult;
      /** Bytes of the output's JSON and, above 64 KiB, its digest. */
      output: { bytes: number; sha256?: string };
      acceptedAt: number | null;
      agents: readonly AgentCapability[];
      jitter: number;
      now: number;
    }
  | { type: 'not-accepted'; stepId: string; attempt: number; lease: number; reason: 'declined' | 'no-answer'; now: number }
  | {
      type: 'worker-lost';
      stepId: string;
      attempt: number;
      /** It is not gone: what it has is taken from it. */
      quarantined?: boolean;
      agents: readonly AgentCapability[];
      jitter: number;
      now: number;
    }
  | { type: 'wake'; capabilitiesAway: ReadonlySet<string>; agents: readonly AgentCapability[]; jitter: number; now: number }
  | {
      type: 'admit-child';
      childId: string;
      stepId: string;
      attempt: number;
      asked: {
        deadlineMs?: number;
        depth?: number;
        steps?: number;
        stepCount?: number;
        microUsd?: number;
        tokens?: number;
        approval?: Approval;
      };
      now: number;
    }
  | { type: 'child-ended'; childId: string; used: Used; now: number }
  | { type: 'cancel'; by: string; commandId: string; reason?: string; now: number }
  | {
      type: 'approve';
      by: string;
      commandId: string;
      stepId?: string;
      digest?: string;
      reason?: string;
      /** Also what `by` asked for. */
      mayApproveOwn?: boolean;
      now: number;
    }
  | { type: 'deny'; by: string; commandId: string; stepId?: string; digest?: string; reason?: string; now: number }
  | { type: 'answer'; by: string; commandId: string; stepId?: string; questionId: string; answer: JsonValue; now: number }
  | { type: 'feedback'; by: string; commandId: string; pattern: Pattern; reason?: string; now: number };

export type { Pattern, StepSpec };
