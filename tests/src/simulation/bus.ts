/** The inbound stream: each message comes to whoever owns its delegation, again and again until it is settled. */
import type { DelegationRequest } from '@mandate/contracts';
import { decide, initial, stepsOf, type Delegation, type DelegationDecisionCommand, type DelegationEvent } from '@mandate/delegation';
import { AppError } from '@mandate/kernel';
import type { SimEngine } from './engine.js';
import { AGENTS, SECOND } from './scenario.js';
import type { Process } from './timeline.js';
import type { World } from './world.js';
import type { Entry } from './writer.js';

/** What a worker says of its attempt. */
export type Report = 'completed' | 'failed' | 'fatal' | 'asks';
export type Steer = Extract<DelegationDecisionCommand, { type: 'cancel' | 'approve' | 'deny' | 'answer' }>;

type Timeless<Command> = Command extends unknown ? Omit<Command, 'now'> : never;

export type Inbound =
  | { kind: 'request'; id: string; request: DelegationRequest; by: string }
  | { kind: 'command'; id: string; steer: Timeless<Steer> }
  | { kind: 'result'; id: string; lease: string; stepId: string; attempt: number; outcome: Report };

interface Delivery {
  name: string;
  message: Inbound;
  times: number;
  settled: boolean;
}

const ACK_WAIT_MS = 5 * SECOND;
const RETRY_MS = 500;

export class SimBus {
  /** Messages that nobody settled yet. */
  unsettled = 0;
  private published = 0;

  constructor(private readonly world: World) {}

  publish(message: Inbound, afterMs = 0): void {
    this.unsettled++;
    const name = `${message.kind} ${message.id} ${this.published++}`;
    this.deliver({ name, message, times: 0, settled: false }, afterMs);
  }

  /** The next delivery; one that was due before takes place no more. */
  private deliver(delivery: Delivery, afterMs: number): void {
    const { network, timeline, engines } = this.world;
    const { name, message } = delivery;
    const nth = ++delivery.times;
    timeline.after(afterMs + network.latency(`${name} ${nth}`), () => {
      if (delivery.settled || delivery.times !== nth) return;
      const owner = engines.find((engine) => engine.alive && engine.owns(message.id) && !network.isCut(engine.name, 'bus'));
      const done = (): void => {
        if (!delivery.settled) this.unsettled--;
        delivery.settled = true;
      };
      this.deliver(delivery, owner ? ACK_WAIT_MS : SECOND);
      owner?.take(
        name,
        message.id,
        (entry) => settling(this.handled(owner, entry, message), done),
        () => !delivery.settled && this.deliver(delivery, RETRY_MS),
      );
    });
  }

  private handled(owner: SimEngine, entry: Entry, message: Inbound): Process {
    const { timeline, sabotage } = this.world;
    if (message.kind === 'result') return owner.dispatcher.result(entry, message);
    if (message.kind === 'request') return this.request(owner, entry, message);
    const steer = { ...message.steer, now: timeline.now } as Steer;
    if (sabotage === 'deaf-to-cancel' && steer.type === 'cancel' && steer.by !== 'mandate') return owner.writer.commit(entry, [], []);
    if (sabotage === 'any-question' && steer.type === 'answer') steer.questionId = openQuestion(entry.state) ?? steer.questionId;
    if (sabotage === 'any-digest' && steer.type === 'approve') delete steer.digest;
    return owner.writer.applyOrConfirm(entry, steer);
  }

  /** As Requests.take: a child asks its parent's owner for a budget before its own append. */
  private *request(owner: SimEngine, entry: Entry, { id, request, by }: Extract<Inbound, { kind: 'request' }>): Process {
    if (entry.version > 0) return yield* owner.writer.commit(entry, [], []);
    const { timeline } = this.world;
    const asked = {
      type: 'request' as const,
      id,
      principal: by,
      request,
      reading: null,
      agents: AGENTS,
      threshold: 0.5,
      plannerAvailable: false,
    };
    try {
      let inherited = null;
      if (request.parent) {
        const widest = { deadlineAt: timeline.now + 1, depth: 0, steps: 1_024, cost: { microUsd: null, tokens: null } };
        decide({ ...asked, inherited: widest, now: timeline.now }, initial);
        inherited = yield* owner.children.admit(id, request);
      }
      yield* owner.writer.apply(entry, { ...asked, inherited, now: timeline.now });
    } catch (error) {
      if (!(error instanceof AppError) || error.kind === 'unavailable') throw error;
      const rejected: DelegationEvent = {
        type: 'rejected',
        at: timeline.now,
        data: { principal: by, code: error.code },
        personal: { error: error.message },
      };
      yield* owner.writer.commit(entry, [rejected], []);
      throw error;
    }
  }
}

const openQuestion = (state: Delegation): string | undefined =>
  ('steps' in state ? stepsOf(state) : []).flatMap(({ phase }) => (phase.status === 'input-required' ? [phase.question.id] : []))[0];

/** A refusal settles the message, too; what is away does not. */
function* settling(process: Process, done: () => void): Process {
  try {
    yield* process;
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'unavailable') throw error;
  }
  done();
}
