/** Admission of child delegations: asked of the engine that owns the parent, which is often this one. */
import { toProblem, type DelegationRequest, type Problem } from '@mandate/contracts';
import { isRunning, lineageOf, usedBy, type ActiveDelegation, type Approval, type BudgetLeft, type Used } from '@mandate/delegation';
import type { EventStore, Keyring } from '@mandate/event-store';
import { AppError, type ErrorKind } from '@mandate/kernel';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Entry, Origin } from './delegation-writer.js';
import { askedBudget, leaseIdOf, sameLease } from './leases.js';
import { partitionOf } from './partitions.js';
import type { Work } from './work.js';
import { workDigestWith } from './work-digest.js';

interface Admission {
  tenant: string;
  childId: string;
  parent: NonNullable<DelegationRequest['parent']>;
  asked: ReturnType<typeof askedBudget>;
  traceparent: string;
}

/** What a child may have, and what its ancestors are at. */
export interface Inheritance {
  budget: BudgetLeft;
  /** With what the parent was asked for; absent in answers of engines that did not tell it yet. */
  approval?: Approval;
  /** Absent in answers of engines that did not know it yet. */
  lineage?: string[];
}

type Answer = Inheritance | { problem: Problem & { kind: ErrorKind } };

export interface ChildrenOptions {
  connection: NatsConnection;
  store: EventStore;
  work: Pick<Work, 'lanes' | 'writer' | 'partitions' | 'clock'>;
  keyring: Keyring;
}

const admitSubject = (partition: number | '*'): string => `mandate.internal.v1.partition.${partition}.admit`;
const ANSWER_TIMEOUT_MS = 2_000;

export class Children {
  /** Requests that wait for their own admission: nothing stands in the log of them, so nobody can be their child yet. */
  private readonly waiting = new Set<string>();
  private subscription: Subscription | undefined;

  constructor(private readonly options: ChildrenOptions) {}

  serve(): void {
    const { connection, work } = this.options;
    const { partitions } = work;
    this.subscription = connection.subscribe(admitSubject('*'), {
      callback: (error, message) => {
        if (error) return;
        const admission = message.json<Admission>();
        if (partitions.owns(partitionOf(admission.parent.delegationId)))
          void this.answer(admission).then((answer) => message.respond(JSON.stringify(answer)));
      },
    });
  }

  stop(): void {
    this.subscription?.unsubscribe();
  }

  /** What the child inherits. Throws AppError when its parent's attempt is not current or has less left; `unavailable` when nobody owns the parent just now. */
  async admit(tenant: string, childId: string, request: DelegationRequest, traceparent: string): Promise<Inheritance> {
    const { parent } = request;
    if (!parent) throw new AppError('INTERNAL', 'internal', 'admission of a request without a parent');
    const { partitions } = this.options.work;
    const admission: Admission = { tenant, childId, parent, asked: askedBudget(request), traceparent };
    const partition = partitionOf(parent.delegationId);
    this.waiting.add(childId);
    try {
      const answer = partitions.owns(partition) ? await this.answer(admission) : await this.ask(partition, admission);
      if ('budget' in answer) return answer;
      const { kind, code, detail, type: _type, title: _title, status: _status, ...details } = answer.problem;
      throw new AppError(code, kind, detail, details);
    } finally {
      this.waiting.delete(childId);
    }
  }

  private async ask(partition: number, admission: Admission): Promise<Answer> {
    try {
      const answer = await this.options.connection.request(admitSubject(partition), JSON.stringify(admission), {
        timeout: ANSWER_TIMEOUT_MS,
      });
      return answer.json<Answer>();
    } catch (cause) {
      throw new AppError('PARENT_AWAY', 'unavailable', 'nobody owns the parent just now; the request waits', {}, { cause });
    }
  }

  private async answer(admission: Admission): Promise<Answer> {
    try {
      return await this.decide(admission);
    } catch (error) {
      const kind = error instanceof AppError ? error.kind : 'unavailable';
      return { problem: { ...toProblem(error), kind } };
    }
  }

  private async decide({ tenant, childId, parent, asked, traceparent }: Admission): Promise<Inheritance> {
    const { lanes, writer, clock } = this.options.work;
    if (this.waiting.has(parent.delegationId)) throw notCurrent(parent.delegationId);
    return lanes.run(parent.delegationId, async () => {
      const entry = await writer.load(tenant, parent.delegationId);
      const known = entry.state.status === 'active' ? entry.state.children.some((child) => child.id === childId) : false;
      const { stepId, attempt } = parent;
      const now = clock.now();
      const origin: Origin = { actor: { kind: 'worker', id: stepInstance(entry.state, stepId) }, causationId: childId, traceparent };
      if (!known && !this.isCurrent(tenant, entry.state.status === 'active' ? entry.state : null, parent)) {
        await writer.confirm(entry, origin);
        throw notCurrent(parent.delegationId);
      }
      if (!known) await this.settleEnded(entry, origin);
      await writer.applyOrConfirm(entry, { type: 'admit-child', childId, stepId, attempt, asked, now }, origin);
      const state = entry.state as ActiveDelegation;
      return {
        approval: state.approval,
        budget: budgetOf(state, childId, asked, now),
        lineage: lineageOf(state, stepId, workDigestWith(this.options.keyring, tenant)),
      };
    });
  }

  /** Takes back what ended children did not use: now, when somebody asks for it, so that their ends need tell nobody. */
  private async settleEnded(parent: Entry, origin: Origin): Promise<void> {
    const { writer, clock } = this.options.work;
    const open = parent.state.status === 'active' ? parent.state.children.filter((child) => !child.ended) : [];
    for (const { id } of open) {
      const used = await this.usedByEnded(parent.tenant, id);
      if (used) await writer.apply(parent, { type: 'child-ended', childId: id, used, now: clock.now() }, origin);
    }
  }

  /** Null while it goes on. Children of its own that ended after it are looked at, too. */
  private async usedByEnded(tenant: string, id: string): Promise<Used | null> {
    const row = await this.options.store.findStream(tenant, { type: 'delegation', id });
    if (!row || row.open) return null;
    const { state } = await this.options.work.writer.read(tenant, id);
    const ended = new Map<string, Used>();
    for (const child of 'children' in state ? state.children : []) {
      const below = child.ended ? null : await this.usedByEnded(tenant, child.id);
      if (below) ended.set(child.id, below);
    }
    return usedBy(state, ended);
  }

  private isCurrent(
    tenant: string,
    state: ActiveDelegation | null,
    { delegationId, stepId, attempt, leaseId }: Admission['parent'],
  ): boolean {
    const step = state?.steps[stepId];
    return (
      step !== undefined &&
      isRunning(step) &&
      step.attempt === attempt &&
      sameLease(leaseId, leaseIdOf(this.options.keyring, { tenant, delegationId, stepId, attempt, lease: step.lease }))
    );
  }
}

const notCurrent = (delegationId: string): AppError =>
  new AppError('PARENT_LEASE_NOT_CURRENT', 'conflict', `the lease is not current in ${delegationId}: only a running attempt may delegate`);

const stepInstance = (state: { steps?: ActiveDelegation['steps'] } | object, stepId: string): string =>
  ('steps' in state && state.steps?.[stepId]?.instance) || 'unknown';

/** The same for a repeated admission: steps and cost as admitted, the rest as asked, never wider than the parent's. */
const budgetOf = (state: ActiveDelegation, childId: string, asked: Admission['asked'], now: number): BudgetLeft => {
  const child = state.children.find(({ id }) => id === childId);
  const deadlineAt = Math.min(state.budget.deadlineAt, asked.deadlineMs === undefined ? Infinity : now + asked.deadlineMs);
  const limited = (own: number | undefined, parents: number | null): boolean => own !== undefined || parents !== null;
  return {
    steps: child?.steps ?? 0,
    deadlineAt,
    depth: Math.min(asked.depth ?? Infinity, state.budget.depth - 1),
    cost: {
      microUsd: limited(asked.microUsd, state.budget.cost.microUsd) ? (child?.cost.microUsd ?? 0) : null,
      tokens: limited(asked.tokens, state.budget.cost.tokens) ? (child?.cost.tokens ?? 0) : null,
    },
  };
};
