/** Who is canceled stops: what comes afterwards is not done, and once it is calm it has stopped within five seconds. So do children whose parent needs them no more. */
import { SECOND } from '../scenario.js';
import type { Appended, Ground, Rule } from './rule.js';

const STOPS_WITHIN_MS = 5 * SECOND;
/** While things go wrong: cuts end, and messages come again. */
const STOPS_AT_LAST_MS = 25 * SECOND;
/** Of a child that was admitted before: it takes an append. */
const ADMITTED_WITHIN_MS = 5 * SECOND;

interface Asked {
  at: number;
  withinMs: number;
  why: 'cancel' | 'orphan';
}

export class Cancels implements Rule {
  private readonly asked = new Map<string, Asked>();

  constructor(private readonly ground: Ground) {}

  cancelAsked(id: string, why: Asked['why'] = 'cancel'): void {
    const { now, isCalm, log } = this.ground;
    // A cancel of what nobody has asked for yet is refused, which is not this rule's.
    if (this.asked.has(id) || (why === 'cancel' && !log.streams.has(id))) return;
    this.asked.set(id, { at: now, withinMs: isCalm ? STOPS_WITHIN_MS : STOPS_AT_LAST_MS, why });
  }

  appended({ append, before, after }: Appended): void {
    for (const { data } of append.events) if ('cancels' in data) for (const child of data.cancels) this.cancelAsked(child, 'orphan');
    const asked = this.asked.get(append.id);
    if (!asked || after.status === 'rejected') return;
    if (append.now - asked.at > ADMITTED_WITHIN_MS && append.events.some(({ type }) => type === 'requested'))
      this.ground.fail('orphan', `${append.id} begins, and its parent was done with it at ${this.ground.since(asked.at)}`);
    if (append.now - asked.at <= asked.withinMs) return;
    this.stops(append, asked, before);
  }

  private stops(append: Appended['append'], asked: Asked, before: Appended['before']): void {
    const undoes = before.status === 'active' && before.ending !== null;
    if (!undoes && append.events.some(({ type }) => type === 'stepdispatched' || type === 'stepsucceeded' || type === 'completed'))
      this.ground.fail(asked.why, `${append.id} was to stop at ${this.ground.since(asked.at)}, and goes on`);
  }

  ended(): void {
    for (const [id, { at, withinMs, why }] of this.asked) {
      const state = this.ground.log.streams.get(id)?.state;
      if (state && 'endedAt' in state && state.ending === null && state.status !== 'canceled' && state.endedAt > at + withinMs)
        this.ground.fail(why, `${id} was to stop at ${this.ground.since(at)}, and ${state.status} at ${this.ground.since(state.endedAt)}`);
    }
  }
}
