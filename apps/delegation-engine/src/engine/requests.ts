/** Requests and results: what each means for a delegation, and what is answered. Runs inside the delegation's lane. */
import { timingSafeEqual } from 'node:crypto';
import { type Acknowledgement, DelegationRequest, INLINE_OUTPUT_BYTES, parse, parseJson, StepResult } from '@mandate/contracts';
import { isRunning, taskStateOf, type BudgetLeft } from '@mandate/delegation';
import { canonicalJson, type EventStore, type Keyring } from '@mandate/event-store';
import { AppError, parseDuration, type Clock, type JsonObject, type JsonValue } from '@mandate/kernel';
import { continueTrace } from '@mandate/messaging';
import { createHash } from 'node:crypto';
import type { AgentDirectory } from './agent-directory.js';
import type { RunningAttempts } from './attempts.js';
import type { DelegationWriter, Entry, Origin } from './delegation-writer.js';
import { ParkedError, type InboundMessage } from './inbox.js';
import type { GuardedReader } from './reading.js';

export interface RequestsOptions {
  store: EventStore;
  keyring: Keyring;
  writer: DelegationWriter;
  agents: AgentDirectory;
  attempts: RunningAttempts;
  reader: GuardedReader;
  clock: Clock;
  random: () => number;
  threshold: number;
  /** Asks the owner of the parent's partition what a child may have. */
  admitChild(tenant: string, childId: string, request: DelegationRequest): Promise<BudgetLeft>;
}

export const leaseIdOf = (keyring: Keyring, delegationId: string, stepId: string, attempt: number, lease: number): string =>
  keyring.leaseId([delegationId, stepId, attempt, lease]);

export class Requests {
  constructor(private readonly options: RequestsOptions) {}

  async request({ inbound, body, messageId, traceparent }: InboundMessage): Promise<Acknowledgement> {
    if (inbound.family !== 'request') throw new AppError('INTERNAL', 'internal', 'not a request');
    const { tenant, id, principal } = inbound;
    const { writer } = this.options;
    const origin: Origin = { actor: { kind: 'agent', id: principal }, causationId: messageId, traceparent: continueTrace(traceparent) };
    const entry = writer.fresh(tenant, id);
    try {
      const request = parse(DelegationRequest, parseJson(body));
      if (request.id !== undefined && request.id !== id) throw new AppError('ID_MISMATCH', 'invalid', 'the id in the body is not the one in the subject');
      return await this.take(entry, principal, request, origin);
    } catch (error) {
      if (error instanceof AppError && error.kind !== 'unavailable' && error.code !== 'CONFLICT') await this.reject(entry, principal, error, origin);
      if (error instanceof AppError && (error.code === 'INVALID_JSON' || error.code === 'TOO_DEEP')) throw new ParkedError(error.code, error.kind, error.message);
      throw error;
    }
  }

  private async take(entry: Entry, principal: string, request: DelegationRequest, origin: Origin): Promise<Acknowledgement> {
    const { writer, agents, keyring, clock } = this.options;
    const { tenant, id } = entry;
    const digest = this.digest(request, principal);
    if (entry.version > 0) return this.repeated(entry, digest, origin);
    const known = agents.capabilities(tenant);
    const reading = request.steps ? null : await this.options.reader.read(request, known);
    const inherited = request.parent ? await this.options.admitChild(tenant, id, request) : null;
    const command = {
      type: 'request' as const,
      id,
      principal,
      request,
      reading,
      inherited,
      agents: known,
      threshold: this.options.threshold,
      plannerAvailable: [...agents.ofCapability(tenant, 'plan')].some((agent) => agents.isOnline(agent)),
      now: clock.now(),
    };
    const key = request.idempotencyKey;
    const first: Origin = {
      ...origin,
      ...(request.dataSubject === undefined ? {} : { dataSubject: request.dataSubject }),
      request: { digest, ...(key === undefined ? {} : { idempotency: { principal, key: keyring.digest(key).toString('hex') } }) },
    };
    try {
      const done = await writer.apply(entry, command, first);
      if ('ok' in done) return await this.duplicateKey(entry, principal, request, done, origin);
      return { id, state: 'TASK_STATE_SUBMITTED' };
    } catch (error) {
      if ((error as Error).name !== 'StaleWriterError') throw error;
      const stored = await writer.load(tenant, id);
      if (stored.version === 0) throw error;
      return this.repeated(stored, digest, origin);
    }
  }

  private digest(request: DelegationRequest, principal: string): Buffer {
    const { id: _id, ...body } = request;
    return this.options.keyring.digest(canonicalJson({ body: body as unknown as JsonObject, principal }));
  }

  /** The same id again: the same request is answered with the state, another one is a conflict and touches nothing. */
  private async repeated(entry: Entry, digest: Buffer, origin: Origin): Promise<Acknowledgement> {
    const { writer } = this.options;
    if (!entry.digest || !entry.digest.equals(digest))
      throw new AppError('CONFLICT', 'conflict', `${entry.id} is already another request: use a new id`, { existingId: entry.id });
    await writer.confirm(entry, origin);
    return { id: entry.id, state: taskStateOf(entry.state) };
  }

  private async duplicateKey(
    entry: Entry,
    principal: string,
    request: DelegationRequest,
    answer: { code: string; existing?: { id: string } },
    origin: Origin,
  ): Promise<Acknowledgement> {
    const existingId = answer.existing?.id ?? '';
    const equal = answer.code === 'IDEMPOTENT_REPEAT';
    const message = equal ? 'this request was made before under the same idempotency key' : 'the idempotency key stands for another request: use a new key';
    const code = equal ? 'DUPLICATE' : 'CONFLICT';
    await this.options.writer.reject(
      entry,
      { type: 'rejected', at: this.options.clock.now(), data: { principal, code, existingId }, personal: { error: message } },
      origin,
    );
    if (!equal || request.onDuplicate === 'reject') throw new AppError('CONFLICT', 'conflict', message, { existingId });
    const existing = await this.options.writer.load(entry.tenant, existingId);
    return { id: existingId, state: taskStateOf(existing.state) };
  }

  private async reject(entry: Entry, principal: string, error: AppError, origin: Origin): Promise<void> {
    const { writer, clock } = this.options;
    if (entry.version > 0) return;
    const event = { type: 'rejected' as const, at: clock.now(), data: { principal, code: error.code }, personal: { error: error.message } };
    try {
      await writer.reject(entry, event, origin);
    } catch (failure) {
      // The id is taken: what stands there is not touched, the caller is told all the same.
      if ((failure as Error).name !== 'StaleWriterError' || (await writer.load(entry.tenant, entry.id)).version === 0) throw failure;
    }
  }

  /** Applies if and only if the lease is current now; a repetition of what was applied is acked, everything else is parked. */
  async result({ inbound, body, messageId, traceparent }: InboundMessage): Promise<null> {
    if (inbound.family !== 'result') throw new AppError('INTERNAL', 'internal', 'not a result');
    const { tenant, id, stepId, attempt } = inbound;
    const result = this.parseResult(body);
    const { writer, keyring, attempts, agents, clock, random } = this.options;
    const entry = await writer.load(tenant, id);
    if (entry.state.status === 'absent' || entry.tenant !== tenant) throw new ParkedError('NOT_FOUND', 'not-found', 'a result for a delegation that is not known');
    const step = 'steps' in entry.state ? entry.state.steps[stepId] : undefined;
    const leased = step !== undefined && step.attempt === attempt && sameLease(result.leaseId, leaseIdOf(keyring, id, stepId, attempt, step.lease));
    const origin: Origin = {
      actor: { kind: 'worker', id: step?.instance ?? 'unknown' },
      causationId: messageId,
      traceparent: continueTrace(traceparent ?? entry.traceparent),
    };
    if (!leased) throw new ParkedError('LEASE_NOT_CURRENT', 'conflict', `attempt ${attempt} of step ${stepId} is not under this lease`);
    if (entry.state.status !== 'active' || !isRunning(step)) {
      await writer.confirm(entry, origin);
      return null;
    }
    const acceptedAt = attempts.ofStep(id, stepId)?.acceptedAt ?? null;
    await writer.apply(
      entry,
      { type: 'result', stepId, attempt, result, output: outputFacts(result), acceptedAt, agents: agents.capabilities(tenant), jitter: random(), now: clock.now() },
      origin,
    );
    return null;
  }

  private parseResult(body: Uint8Array): StepResult {
    try {
      return parse(StepResult, parseJson(body));
    } catch (error) {
      if (error instanceof AppError) throw new ParkedError(error.code, error.kind, error.message, error.details);
      throw error;
    }
  }
}

const sameLease = (given: string, expected: string): boolean => given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));

const outputFacts = (result: StepResult): { bytes: number; sha256?: string } => {
  if (result.status !== 'completed') return { bytes: 0 };
  const text = JSON.stringify(result.output ?? (null as JsonValue));
  const bytes = Buffer.byteLength(text);
  return bytes > INLINE_OUTPUT_BYTES ? { bytes, sha256: createHash('sha256').update(text).digest('hex') } : { bytes };
};

/** What a child asks of its parent's budget. */
export const askedBudget = (request: DelegationRequest): { deadlineMs?: number; depth?: number; steps?: number; stepCount?: number } => {
  const deadlineMs = request.budget?.deadline === undefined ? null : parseDuration(request.budget.deadline);
  return {
    ...(deadlineMs === null ? {} : { deadlineMs }),
    ...(request.budget?.depth === undefined ? {} : { depth: request.budget.depth }),
    ...(request.budget?.steps === undefined ? {} : { steps: request.budget.steps }),
    ...(request.steps ? { stepCount: request.steps.length } : {}),
  };
};
