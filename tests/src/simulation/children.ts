/** Admission of children by the owner of their parent, as Children has it. */
import type { DelegationRequest } from '@mandate/contracts';
import { isRunning, usedBy, type ActiveDelegation, type BudgetLeft, type DelegationDecisionCommand, type Used } from '@mandate/delegation';
import { AppError, parseDuration } from '@mandate/kernel';
import type { SimEngine } from './engine.js';
import { SECOND } from './scenario.js';
import type { Process } from './timeline.js';
import type { World } from './world.js';
import type { Entry } from './writer.js';

type Asked = Extract<DelegationDecisionCommand, { type: 'admit-child' }>['asked'];
type Answer = { budget: BudgetLeft } | { error: AppError };
type Parent = NonNullable<DelegationRequest['parent']>;

const ANSWER_TIMEOUT_MS = 2 * SECOND;

export class SimChildren {
  constructor(
    private readonly world: World,
    private readonly engine: SimEngine,
  ) {}

  /** Throws AppError: what the parent's owner refuses, or `unavailable`. */
  *admit(childId: string, request: DelegationRequest): Process<BudgetLeft> {
    const { network, timeline, engines } = this.world;
    const parent = request.parent as Parent;
    const asked = askedOf(request);
    let answer: Answer | undefined;
    if (this.engine.owns(parent.delegationId)) {
      this.answer(childId, parent, asked, (own) => (answer = own));
      while (answer === undefined) yield 5;
    } else {
      for (const other of engines)
        if (other !== this.engine)
          network.send(this.engine.name, other.name, `admit ${childId}`, () => {
            if (!other.alive || !other.owns(parent.delegationId)) return;
            other.children.answer(childId, parent, asked, (given) =>
              network.send(other.name, this.engine.name, `admitted ${childId}`, () => (answer ??= given)),
            );
          });
      const until = timeline.now + ANSWER_TIMEOUT_MS;
      while (answer === undefined && timeline.now < until) yield 5;
    }
    if (!answer) throw new AppError('PARENT_AWAY', 'unavailable', 'nobody owns the parent just now');
    if ('error' in answer) throw answer.error;
    return answer.budget;
  }

  private answer(childId: string, parent: Parent, asked: Asked, told: (answer: Answer) => void): void {
    this.engine.tend(
      parent.delegationId,
      (entry) => this.decide(entry, childId, parent, asked, (budget) => told({ budget })),
      (error) => {
        if (error) told({ error: error instanceof AppError ? error : new AppError('AWAY', 'unavailable', 'the log does not answer') });
      },
    );
  }

  private *decide(entry: Entry, childId: string, parent: Parent, asked: Asked, told: (budget: BudgetLeft) => void): Process {
    const { writer } = this.engine;
    const { timeline, sabotage } = this.world;
    const known = entry.state.status === 'active' && entry.state.children.some(({ id }) => id === childId);
    if (!known && !isCurrent(entry, parent)) {
      yield* writer.commit(entry, [], []);
      throw new AppError('PARENT_LEASE_NOT_CURRENT', 'conflict', 'only a running attempt may delegate');
    }
    if (!known) yield* this.settleEnded(entry);
    const { now } = timeline;
    const { state } = entry;
    if (sabotage === 'rich-parents' && state.status === 'active')
      entry.state = { ...state, budget: { ...state.budget, steps: state.budget.steps + 100 } };
    if (!known || sabotage !== 'readmits')
      yield* writer.applyOrConfirm(entry, { type: 'admit-child', childId, stepId: parent.stepId, attempt: parent.attempt, asked, now });
    told(budgetOf(entry.state as ActiveDelegation, childId, asked, now));
  }

  private *settleEnded(parent: Entry): Process {
    const open = parent.state.status === 'active' ? parent.state.children.filter(({ ended }) => !ended) : [];
    for (const { id } of open) {
      yield 1;
      const used = this.usedByEnded(id);
      if (used) yield* this.engine.writer.apply(parent, { type: 'child-ended', childId: id, used, now: this.world.timeline.now });
    }
  }

  private usedByEnded(id: string): Used | null {
    const { state } = this.engine.writer.read(id);
    if (state.status === 'active' || state.status === 'absent') return null;
    const ended = new Map<string, Used>();
    for (const child of 'children' in state ? state.children : []) {
      const below = child.ended ? null : this.usedByEnded(child.id);
      if (below) ended.set(child.id, below);
    }
    return usedBy(state, ended);
  }
}

const isCurrent = ({ id, state }: Entry, { stepId, attempt, leaseId }: Parent): boolean => {
  const step = state.status === 'active' ? state.steps[stepId] : undefined;
  return step !== undefined && isRunning(step) && step.attempt === attempt && leaseId === `${id}/${stepId}/${attempt}/${step.lease}`;
};

/** As askedBudget. */
const askedOf = ({ budget, steps }: DelegationRequest): Asked => ({
  ...(budget?.deadline === undefined ? {} : { deadlineMs: parseDuration(budget.deadline) ?? 0 }),
  ...(budget?.depth === undefined ? {} : { depth: budget.depth }),
  ...(budget?.steps === undefined ? {} : { steps: budget.steps }),
  ...(steps ? { stepCount: steps.length } : {}),
  ...(budget?.tokens === undefined ? {} : { tokens: budget.tokens }),
});

const budgetOf = (state: ActiveDelegation, childId: string, asked: Asked, now: number): BudgetLeft => {
  const child = state.children.find(({ id }) => id === childId);
  return {
    steps: child?.steps ?? 0,
    deadlineAt: Math.min(state.budget.deadlineAt, asked.deadlineMs === undefined ? Infinity : now + asked.deadlineMs),
    depth: Math.min(asked.depth ?? Infinity, state.budget.depth - 1),
    cost: {
      microUsd: null,
      tokens: asked.tokens !== undefined || state.budget.cost.tokens !== null ? (child?.cost.tokens ?? 0) : null,
    },
  };
};
