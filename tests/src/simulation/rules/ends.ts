/** Every delegation ends, once; nothing is applied twice; nothing is left behind. */
import { isRunning, stepsOf, type Step } from '@mandate/delegation';
import { SECOND } from '../scenario.js';
import type { Appended, Ground, Rule } from './rule.js';

/** A grant that finds nothing to do and a message that changes nothing are looked at once; a loop makes hundreds. */
const IDLE_A_SECOND = 20;

export class Ends implements Rule {
  private readonly succeeded = new Set<string>();
  private readonly idle = new Map<string, number>();
  private readonly begun = new Set<string>();

  constructor(private readonly ground: Ground) {}

  appended({ log, append, before, after }: Appended): void {
    const { id, events, now } = append;
    if (events.length === 0 && append.waitingAdd.length === 0) this.checkIdle(id, now);
    for (const event of events) {
      if (event.type === 'answered') this.begun.delete(`${id}/${event.data.stepId}`); // it is begun anew, with the answer
      if (event.type !== 'stepsucceeded') continue;
      const step = `${id}/${event.data.stepId}`;
      if (this.succeeded.has(step)) this.ground.fail('applied-twice', `${step} succeeded twice`);
      this.succeeded.add(step);
    }
    if (before.status !== 'active' && before.status !== 'absent' && events.length > 0)
      this.ground.fail('cancel', `${id} was ${before.status}, and then ${events.map(({ type }) => type).join(', ')}`);
    const running =
      'steps' in after
        ? stepsOf(after)
            .filter(isRunning)
            .map(({ plan }) => `${id}/${plan.id}`)
        : [];
    const held = [...log.slots].filter(([, { delegationId }]) => delegationId === id).map(([name]) => name);
    if (running.length !== held.length || running.some((name) => !held.includes(name)))
      this.ground.fail('leak', `${running.join(', ') || 'nothing'} of ${id} runs, and slots are held for ${held.join(', ') || 'nothing'}`);
  }

  private checkIdle(id: string, now: number): void {
    const second = `${id} ${Math.floor(now / SECOND)}`;
    const times = (this.idle.get(second) ?? 0) + 1;
    this.idle.set(second, times);
    if (times > IDLE_A_SECOND) this.ground.fail('idle', `${times} appends of ${id} within a second that changed nothing`);
  }

  /** A worker begins what must not be done twice. */
  begins(delegationId: string, stepId: string): void {
    const step = `${delegationId}/${stepId}`;
    if (this.begun.has(step)) this.ground.fail('begun-twice', `${step} is at most once, and began twice`);
    this.begun.add(step);
  }

  ended(counted: number): void {
    const { log, fail } = this.ground;
    for (const [id, { state }] of log.streams)
      if (state.status === 'active') fail('no-end', `${id}: ${stepsOf(state).map(textOf).join(', ')}`);
    if (log.slots.size > 0) fail('leak', `slots that nobody holds: ${[...log.slots.keys()].join(', ')}`);
    if (log.waiting.size > 0) fail('leak', `steps that wait for nothing: ${[...log.waiting.keys()].join(', ')}`);
    if (counted > 0) fail('leak', `the scheduler counts ${counted} slots, nothing runs`);
  }
}

const textOf = (step: Step): string => `${step.plan.id} ${step.phase.status}${isRunning(step) ? ` at ${step.instance ?? ''}` : ''}`;
