/** Requests and results: what each means for a delegation, and what is answered. Runs inside the delegation's lane. */
import { createHash } from 'node:crypto';
import {
  type Acknowledgement,
  DelegationRequest,
  INLINE_OUTPUT_BYTES,
  parse,
  parseJson,
  REQUEST_LIMITS,
  StepResult,
} from '@mandate/contracts';
import { decide, initial, isRunning, PLAN_CAPABILITY, taskStateOf, type Reading, type RequestDelegation } from '@mandate/delegation';
import { canonicalJson, type Keyring } from '@mandate/event-store';
import { AppError, type Clock, type JsonObject, type JsonValue } from '@mandate/kernel';
import { continueTrace } from '@mandate/messaging';
import { isOpen } from '@mandate/scheduling';
import type { AgentDirectory } from './agent-directory.js';
import type { RunningAttempts } from './attempts.js';
import type { Inheritance } from './children.js';
import { StaleWriterError, type DelegationWriter, type Entry, type Origin } from './delegation-writer.js';
import { ParkedError, type InboundMessage } from './inbox.js';
import { leaseIdOf, sameLease } from './leases.js';
import type { Policies } from './policies.js';
import type { GuardedReader } from './reading.js';

export interface RequestsOptions {
  keyring: Keyring;
  writer: DelegationWriter;
  agents: AgentDirectory;
  attempts: RunningAttempts;
  reader: GuardedReader;
  policies: Policies;
  clock: Clock;
  random: () => number;
  threshold: number;
  /** Asks the owner of the parent's partition what a child may have. */
  admitChild(tenant: string, childId: string, request: DelegationRequest, traceparent: string): Promise<Inheritance>;
}

const SAME_KEY = 'this request was made before under the same idempotency key';
const OTHER_REQUEST = 'the idempotency key stands for another request: use a new key';
const NO_DIGEST = Buffer.alloc(0);

export class Requests {
  constructor(private readonly options: RequestsOptions) {}

  async request({ inbound, body, messageId, traceparent }: InboundMessage): Promise<Acknowledgement> {
    if (inbound.family !== 'request') throw new AppError('INTERNAL', 'internal', 'not a request');
    const { tenant, id, principal } = inbound;
    const { writer } = this.options;
    const origin: Origin = {
      actor: { kind: 'agent', id: principal },
      causationId: messageId,
      traceparent: continueTrace(traceparent),
      bytes: body.length,
    };
    const entry = writer.fresh(tenant, id);
    try {
      const request = parse(DelegationRequest, parseJson(body));
      if (request.id !== undefined && request.id !== id)
        throw new AppError('ID_MISMATCH', 'invalid', 'the id in the body is not the one in the subject');
      return await this.take(entry, principal, request, origin);
    } catch (error) {
      if (error instanceof AppError && error.kind !== 'unavailable' && error.code !== 'CONFLICT' && error.code !== 'RETIRED')
        await this.reject(entry, principal, error, origin);
      if (error instanceof AppError && (error.code === 'INVALID_JSON' || error.code === 'TOO_DEEP'))
        throw new ParkedError(error.code, error.kind, error.message);
      throw error;
    }
  }

  private async take(fresh: Entry, principal: string, request: DelegationRequest, origin: Origin): Promise<Acknowledgement> {
    const { writer, agents, keyring } = this.options;
    const { tenant, id } = fresh;
    const digest = this.digest(request, principal);
    // A child asks for admission before its append could find out that it is there already.
    const entry = request.parent ? await writer.load(tenant, id) : fresh;
    if (entry.version > 0) return this.repeated(entry, digest, request, origin);
    const known = agents.capabilities(tenant);
    const reading = request.steps ? null : await this.options.reader.read(tenant, request, known);
    const command = await this.admitted(entry, this.commandOf(entry, principal, request, reading), origin.traceparent);
    const key = request.idempotencyKey;
    const first: Origin = {
      ...origin,
      ...(request.dataSubject === undefined ? {} : { dataSubject: request.dataSubject }),
      request: { digest, ...(key === undefined ? {} : { idempotency: { principal, key: keyring.digest(key).toString('hex') } }) },
    };
    try {
      const done = await writer.apply(entry, command, first);
      if (!('ok' in done)) return { id, state: 'TASK_STATE_SUBMITTED' };
      if (done.existing && done.existing.id !== id)
        return await this.duplicateKey(entry, principal, request, done.existing.id, done.code, origin);
    } catch (error) {
      if (!(error instanceof StaleWriterError)) throw error;
    }
    const stored = await writer.load(tenant, id);
    if (stored.version === 0) throw new StaleWriterError('the id was free a moment ago');
    return this.repeated(stored, digest, request, origin);
  }

  private commandOf({ tenant, id }: Entry, principal: string, request: DelegationRequest, reading: Reading | null): RequestDelegation {
    const { agents, policies, clock, threshold } = this.options;
    return {
      type: 'request',
      id,
      principal,
      request,
      reading,
      inherited: null,
      agents: agents.capabilities(tenant),
      threshold,
      plannerAvailable:
        !isOpen(policies.of(tenant), PLAN_CAPABILITY) &&
        [...agents.ofCapability(tenant, PLAN_CAPABILITY)].some((agent) => agents.isOnline(agent)),
      now: clock.now(),
    };
  }

  /** A child takes from its parent's budget only once nothing else speaks against it. */
  private async admitted({ tenant, id }: Entry, command: RequestDelegation, traceparent: string): Promise<RequestDelegation> {
    if (!command.request.parent) return command;
    decide(
      {
        ...command,
        inherited: { deadlineAt: command.now + 1, depth: 0, steps: REQUEST_LIMITS.steps, cost: { microUsd: null, tokens: null } },
      },
      initial,
    );
    const { budget, approval, lineage = [] } = await this.options.admitChild(tenant, id, command.request, traceparent);
    return { ...command, inherited: budget, lineage, ...(approval ? { parentApproval: approval } : {}) };
  }

  private digest(request: DelegationRequest, principal: string): Buffer {
    const { id: _id, ...body } = request;
    return this.options.keyring.digest(canonicalJson({ body: body as unknown as JsonObject, principal }));
  }

  /** The same id again: the same request is answered with the state, another one is a conflict and touches nothing. */
  private async repeated(entry: Entry, digest: Buffer, request: DelegationRequest, origin: Origin): Promise<Acknowledgement> {
    const { state, tenant, id } = entry;
    await this.options.writer.confirm(entry, origin);
    if (state.status === 'rejected' && state.existingId !== null) return this.existing(tenant, state.existingId, digest, request);
    if (!entry.digest?.equals(digest))
      throw new AppError('CONFLICT', 'conflict', `${id} is already another request: use a new id`, { existingId: id });
    return { id, state: taskStateOf(state) };
  }

  /** The idempotency key stands for another id: this one is refused for good, and says which one counts. */
  private async duplicateKey(
    entry: Entry,
    principal: string,
    request: DelegationRequest,
    existingId: string,
    code: string,
    origin: Origin,
  ): Promise<Acknowledgement> {
    const equal = code === 'IDEMPOTENT_REPEAT';
    const rejection = { principal, code: equal ? 'DUPLICATE' : 'CONFLICT', existingId };
    const error = equal ? SAME_KEY : OTHER_REQUEST;
    await this.options.writer.reject(
      entry,
      { type: 'rejected', at: this.options.clock.now(), data: rejection, personal: { error } },
      origin,
    );
    return this.existing(entry.tenant, existingId, equal ? null : NO_DIGEST, request);
  }

  /** `digest`: of the request that came now; null when it is known to be the same. */
  private async existing(tenant: string, existingId: string, digest: Buffer | null, request: DelegationRequest): Promise<Acknowledgement> {
    const { state, digest: stored } = await this.options.writer.read(tenant, existingId);
    const equal = digest === null || stored?.equals(digest) === true;
    if (!equal || request.onDuplicate === 'reject')
      throw new AppError('CONFLICT', 'conflict', equal ? SAME_KEY : OTHER_REQUEST, { existingId });
    return { id: existingId, state: taskStateOf(state) };
  }

  private async reject(entry: Entry, principal: string, error: AppError, origin: Origin): Promise<void> {
    const { writer, clock } = this.options;
    if (entry.version > 0) return;
    const event = { type: 'rejected' as const, at: clock.now(), data: { principal, code: error.code }, personal: { error: error.message } };
    try {
      await writer.reject(entry, event, origin);
    } catch (failure) {
      // The id is taken: what stands there is not touched, the caller is told all the same.
      if (!(failure instanceof StaleWriterError) || (await writer.load(entry.tenant, entry.id)).version === 0) throw failure;
    }
  }

  /** Applies if and only if the lease is current now; a repetition of what was applied is acked, everything else is parked. */
  async result({ inbound, body, messageId, traceparent }: InboundMessage): Promise<null> {
    if (inbound.family !== 'result') throw new AppError('INTERNAL', 'internal', 'not a result');
    const { tenant, id, stepId, attempt } = inbound;
    const result = this.parseResult(body);
    const { writer, keyring, attempts, agents, clock, random } = this.options;
    const entry = await writer.load(tenant, id);
    if (entry.state.status === 'absent') throw new ParkedError('NOT_FOUND', 'not-found', 'a result for a delegation that is not known');
    const step = 'steps' in entry.state ? entry.state.steps[stepId] : undefined;
    const leased =
      step !== undefined &&
      step.attempt === attempt &&
      sameLease(result.leaseId, leaseIdOf(keyring, { tenant, delegationId: id, stepId, attempt, lease: step.lease }));
    const origin: Origin = {
      actor: { kind: 'worker', id: step?.instance ?? 'unknown' },
      causationId: messageId,
      traceparent: continueTrace(traceparent ?? entry.traceparent),
      bytes: body.length,
    };
    if (!leased) {
      // Memory may be a stale owner's: only the log says that the result is of no use.
      await writer.confirm(entry, origin);
      throw new ParkedError('LEASE_NOT_CURRENT', 'conflict', `attempt ${attempt} of step ${stepId} is not under this lease`);
    }
    if (entry.state.status !== 'active' || !isRunning(step)) {
      await writer.confirm(entry, origin);
      if (step.phase.status === 'canceled')
        throw new ParkedError('LEASE_NOT_CURRENT', 'conflict', `step ${stepId} was canceled: its lease is over`);
      return null;
    }
    const acceptedAt = attempts.ofStep(entry, stepId)?.acceptedAt ?? null;
    await writer.apply(
      entry,
      {
        type: 'result',
        stepId,
        attempt,
        result,
        output: outputFacts(result),
        acceptedAt,
        agents: agents.capabilities(tenant),
        jitter: random(),
        now: clock.now(),
      },
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

const outputFacts = (result: StepResult): { bytes: number; sha256?: string } => {
  if (result.status !== 'completed') return { bytes: 0 };
  const text = JSON.stringify(result.output ?? (null as JsonValue));
  const bytes = Buffer.byteLength(text);
  return bytes > INLINE_OUTPUT_BYTES ? { bytes, sha256: createHash('sha256').update(text).digest('hex') } : { bytes };
};
