/** What needs an approval runs only as what somebody else than the requester saw and approved in time; a question is answered once. */
import { evolve, type Delegation, type DelegationEvent } from '@mandate/delegation';
import { digestOf } from '../writer.js';
import type { Appended, Ground, Rule } from './rule.js';

type Event<Type extends DelegationEvent['type']> = Extract<DelegationEvent, { type: Type }>;

export class Approvals implements Rule {
  /** The digest or question that whoever gave the command had been shown. */
  readonly shown = new Map<string, string>();
  private readonly approved = new Map<string, string>();
  private readonly answered = new Set<string>();

  constructor(private readonly ground: Ground) {}

  appended({ append: { id, events, now }, before }: Appended): void {
    let state = before;
    for (const event of events) {
      if (event.type === 'approved') this.checkApproval(id, event, state, now);
      if (event.type === 'answered') this.checkAnswer(id, event);
      if (event.type === 'stepdispatched') this.checkDispatch(id, event, state);
      state = evolve(state, event, id);
    }
  }

  private checkApproval(id: string, { data }: Event<'approved'>, state: Delegation, now: number): void {
    if (state.status !== 'active') return;
    const name = `${id}/${data.stepId ?? ''}`;
    const asked = data.stepId === undefined ? state.planAsked : state.steps[data.stepId]?.asked;
    const at = this.ground.since(asked?.expiresAt ?? 0);
    // An append takes a while: what was decided in time may be written a little later.
    if (typeof asked?.expiresAt === 'number' && now - asked.expiresAt > this.ground.lagMs)
      this.ground.fail('approval', `${name} was approved after ${at}, when it expired`);
    if (data.by === state.principal) this.ground.fail('approval', `${name} was approved by who asked for it`);
    this.approved.set(name, this.shown.get(data.commandId) ?? '');
  }

  private checkDispatch(id: string, { data: { stepId } }: Event<'stepdispatched'>, state: Delegation): void {
    const step = state.status === 'active' ? state.steps[stepId] : undefined;
    if (state.status !== 'active' || !step || step.compensates !== null) return;
    if (state.approval === 'plan' && this.approved.get(`${id}/`) !== digestOf(state, { scope: 'plan' }))
      this.ground.fail('approval', `${id}/${stepId} runs, and the plan was not approved as it is`);
    if (
      state.approval === 'irreversible' &&
      step.plan.irreversible &&
      this.approved.get(`${id}/${stepId}`) !== digestOf(state, { scope: 'step', stepId })
    )
      this.ground.fail('approval', `${id}/${stepId} runs, and was not approved as it is`);
  }

  private checkAnswer(id: string, { data }: Event<'answered'>): void {
    const name = `${id}/${data.stepId} ${data.questionId}`;
    if (this.shown.get(data.commandId) !== data.questionId)
      this.ground.fail('answer', `${name} was answered by an answer to ${this.shown.get(data.commandId) ?? 'nothing'}`);
    if (this.answered.has(name)) this.ground.fail('answer', `${name} was answered twice`);
    this.answered.add(name);
  }
}
