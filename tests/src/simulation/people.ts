/** People who are asked: approvers and those who answer. Slow, silent, twice, with what they saw a while ago, or not the right ones. */
import { UNDO_PREFIX, type DelegationEvent } from '@mandate/delegation';
import { SECOND } from './scenario.js';
import type { World } from './world.js';

export const REQUESTER = 'ann';
const APPROVER = 'bob';

type Event<Type extends DelegationEvent['type']> = Extract<DelegationEvent, { type: Type }>;

export class People {
  private readonly shown = new Map<string, string>();

  constructor(
    private readonly world: World,
    private readonly difficult: number,
  ) {}

  saw(id: string, event: DelegationEvent): void {
    if (event.type === 'approvalrequested') this.approve(id, event);
    if (event.type === 'inputrequired') this.answer(id, event);
  }

  private approve(id: string, { at, data }: Event<'approvalrequested'>): void {
    const { bus, network } = this.world;
    const scope = data.scope === 'step' ? { stepId: data.stepId } : {};
    const subject = `${id} ${data.scope === 'step' ? data.stepId : ''}`;
    const name = `${subject} ${at}`;
    const { digest = '' } = data;
    const send = (type: 'approve' | 'deny', by: string, nth: number, afterMs: number, shown = digest): void => {
      const steer = { type, by, commandId: `${type} ${name} ${nth}`, ...scope, digest: shown };
      if (type === 'approve') this.world.invariants.shown(steer.commandId, steer.digest);
      bus.publish({ kind: 'command', id, steer }, afterMs);
    };
    const before = this.shown.get(subject);
    this.shown.set(subject, digest);
    const soon = network.draw(`approves in ${name}`) * 10 * SECOND;
    if (network.draw(`difficult ${name}`) >= this.difficult) return send('approve', APPROVER, 0, soon);
    const mood = network.draw(`mood ${name}`);
    if (mood < 0.2) return; // nobody looks
    if (mood < 0.35) return send('deny', APPROVER, 0, soon);
    if (mood < 0.5) return send('approve', REQUESTER, 0, soon);
    // Decides on what was shown the last time.
    if (before !== undefined) return send('approve', APPROVER, 0, soon, before);
    send('approve', APPROVER, 0, soon);
    send('approve', APPROVER, 1, soon + network.draw(`again ${name}`) * 60 * SECOND);
  }

  private answer(id: string, { at, data }: Event<'inputrequired'>): void {
    const { bus, network } = this.world;
    const { stepId, questionId } = data;
    const name = `${id} ${stepId} ${at}`;
    const send = (nth: number, question: string, afterMs: number): void => {
      const commandId = `answer ${name} ${nth}`;
      this.world.invariants.shown(commandId, question);
      bus.publish(
        {
          kind: 'command',
          id,
          steer: { type: 'answer', by: APPROVER, commandId, stepId, questionId: question, answer: nth },
        },
        afterMs,
      );
    };
    const soon = network.draw(`answers in ${name}`) * 10 * SECOND;
    if (network.draw(`difficult ${name}`) >= this.difficult) return send(0, questionId, soon);
    const mood = network.draw(`mood ${name}`);
    // What undoes something is given up after a day only: longer than a run.
    if (mood < 0.2 && !stepId.startsWith(UNDO_PREFIX)) return;
    if (mood < 0.4) return send(0, questionId, soon + 60 * SECOND);
    if (mood < 0.5) send(0, 'another question', soon);
    send(0, questionId, soon);
    send(1, questionId, soon + network.draw(`again ${name}`) * 5 * SECOND);
  }
}
