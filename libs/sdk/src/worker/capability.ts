/** What a worker can do, in the handler's words. */
import type { Effects, StepQuestion, StepSpec, StepUsage } from '@mandate/contracts';
import type { JsonValue } from '@mandate/kernel';
import type { DelegateOptions } from '../requester/requester.js';
import type { DelegationHandle } from '../requester/handle.js';
import type { Ask } from '../requester/handle.js';

/** One attempt of a step, as the engine offered it. `Input` is what the requester is trusted to send: check it where that matters. */
export interface Task<Input = JsonValue> {
  delegationId: string;
  stepId: string;
  attempt: number;
  capability: string;
  goal: string;
  /** Null when the request had none. */
  input: Input;
  /** Outputs of the step's direct dependencies, by step id. */
  results: Record<string, JsonValue>;
  /** RFC 3339; after it the attempt counts for nothing. */
  deadline: string;
}

/** What a handler may do besides returning its output. */
export interface WorkContext {
  /** Aborts with an AttemptAbortedError as its reason: canceled, lease lost, deadline over, worker stopped. */
  readonly signal: AbortSignal;
  /** The same for every attempt of the step: the idempotency key to give to services that the handler calls. */
  readonly stepKey: string;
  /** Another one for each attempt: `<delegation>/<step>/<attempt>`. */
  readonly attemptKey: string;
  readonly results: Record<string, JsonValue>;
  /** Answers to questions of earlier attempts, by question id. */
  readonly answers: Record<string, JsonValue>;
  /** W3C Trace Context of the offer, for calls that the handler makes. */
  readonly traceparent: string | undefined;
  /** Reports how far the work is, at most 8 KiB of JSON. Of several reports that wait to be sent only the newest is. */
  progress(value: JsonValue): void;
  /** Sends a heartbeat now; the worker sends them by itself, this is for handlers that are about to block the thread. */
  heartbeat(): void;
  /** Adds to what the attempt has used. */
  usage(used: StepUsage): void;
  /** The answer to the question when it was given before; else ends this attempt, and a new one starts once it is answered. Do not catch what it throws. */
  ask<Answer = JsonValue>(question: StepQuestion): Answer;
  /** Starts a child delegation within this delegation's budget. */
  delegate<Result = JsonValue>(request: Ask, options?: DelegateOptions): DelegationHandle<Result>;
}

export interface Capability<Input = JsonValue, Output = unknown> {
  /** What it does, in plain words: requests are matched to capabilities by this text. */
  description: string;
  tags?: string[];
  /** Attempts at a time, default 1. */
  concurrency?: number;
  /** What a second run of the same step would do, default `idempotent`. `at-most-once` is never retried. */
  effects?: Effects;
  // A method, so that handlers may name a narrower input than any JSON.
  handler(task: Task<Input>, context: WorkContext): Promise<Output> | Output;
}

export type Capabilities = Record<string, Capability>;

/** Types both ends of each capability: `createWorker<{ translate: { input: Text; output: Text } }>`. */
export type CapabilityTypes = Record<string, { input: unknown; output: unknown }>;
export type CapabilitiesOf<Types extends CapabilityTypes> = {
  [Name in keyof Types]: Capability<Types[Name]['input'], Types[Name]['output']>;
};

/** Returned by a planner (capability `plan`): the steps stand in the place of an output. */
export class Plan {
  constructor(readonly steps: StepSpec[]) {}
}

/** Ends an attempt with a question; thrown by `context.ask`. */
export class InputRequired extends Error {
  override readonly name = 'InputRequired';

  constructor(readonly question: StepQuestion) {
    super(`waits for an answer: ${question.text}`);
  }
}
