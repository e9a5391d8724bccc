/** What succeeded is undone before an end without success: the last first, one after the other. */
import { evolve, isSettled, stepsOf, type Delegation, type DelegationEvent } from '@mandate/delegation';
import type { Appended, Ground, Rule } from './rule.js';

type Event<Type extends DelegationEvent['type']> = Extract<DelegationEvent, { type: Type }>;

export class Undoing implements Rule {
  /** Steps that can be undone, as they succeeded; those of the same moment in any order. */
  private readonly succeeded = new Map<string, { stepId: string; at: number }[]>();

  constructor(private readonly ground: Ground) {}

  appended({ append: { id, events }, before }: Appended): void {
    let state = before;
    for (const event of events) {
      if (event.type === 'stepsucceeded') this.note(id, event, state);
      if (event.type === 'compensating') this.checkOrder(id, event);
      if (event.type === 'stepdispatched') this.checkTurn(id, event, state);
      if (event.type === 'failed' || event.type === 'canceled') this.checkEnd(id, event, state);
      if (event.type === 'stepdispatched' && state.status === 'active' && state.startAt !== null && event.at < state.startAt)
        this.ground.fail('early', `${id}/${event.data.stepId} begins before ${this.ground.since(state.startAt)}`);
      state = evolve(state, event, id);
    }
  }

  private note(id: string, { at, data: { stepId } }: Event<'stepsucceeded'>, state: Delegation): void {
    const step = state.status === 'active' ? state.steps[stepId] : undefined;
    if (step?.plan.compensate && step.compensates === null) this.succeeded.set(id, [...(this.succeeded.get(id) ?? []), { stepId, at }]);
  }

  private checkOrder(id: string, { data: { undo } }: Event<'compensating'>): void {
    const done = this.succeeded.get(id) ?? [];
    const atOf = (stepId: string): number => done.find((one) => one.stepId === stepId)?.at ?? -1;
    const order = undo.map(({ compensates }) => atOf(compensates));
    if (undo.length !== done.length || order.some((at, i) => at < 0 || at > (order[i - 1] ?? Infinity)))
      this.ground.fail(
        'compensation',
        `${id} did ${done.map(({ stepId }) => stepId).join(', ')} and undoes ${undo.map(({ compensates }) => compensates).join(', ')}`,
      );
  }

  private checkTurn(id: string, { data: { stepId } }: Event<'stepdispatched'>, state: Delegation): void {
    if (state.status !== 'active' || state.ending === null) return;
    const undo = stepsOf(state).filter(({ compensates }) => compensates !== null);
    const before = undo.slice(
      0,
      undo.findIndex(({ plan }) => plan.id === stepId),
    );
    if (!undo.some(({ plan }) => plan.id === stepId) || !before.every(isSettled))
      this.ground.fail('compensation', `${id}/${stepId} begins before its turn`);
  }

  private checkEnd(id: string, { data: { notUndone = [] } }: Event<'failed' | 'canceled'>, state: Delegation): void {
    if (state.status !== 'active') return;
    const undone = new Set(
      stepsOf(state).flatMap(({ compensates, phase }) => (phase.status === 'succeeded' && compensates !== null ? [compensates] : [])),
    );
    const left = (this.succeeded.get(id) ?? []).filter(({ stepId }) => !undone.has(stepId) && !notUndone.includes(stepId));
    if (left.length > 0) this.ground.fail('compensation', `${id} ends, and ${left.map(({ stepId }) => stepId).join(', ')} was not undone`);
  }
}
