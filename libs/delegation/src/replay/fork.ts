/**
 * A past delegation run again with something changed, by its own rules: recorded results answer the steps that are the same, nothing has an effect,
 * and what nobody ever answered stays open. Pure.
 */
import type { StepSpec } from '@mandate/contracts';
import { AppError } from '@mandate/kernel';
import { decide } from '../decide.js';
import type { DelegationEvent } from '../events.js';
import { evolve, initial } from '../evolve.js';
import { dispatchableSteps, isWork, PLANNING_STEP, UNDO_PREFIX, type Delegation, type StepPlan } from '../model.js';
import { pendingApprovals } from '../deciding/approvals.js';
import { diffHistories, type HistoryLine } from './diff.js';
import { commandOf, stepIdOf } from './recorded-commands.js';
import { firstOf, recordedRequest, thresholdOf, type Situation } from './recorded-request.js';
import { stableText } from './stable-text.js';

export type ForkChange =
  /** The request is decided again below this confidence. */
  | { kind: 'threshold'; threshold: number }
  /** … with these steps. */
  | { kind: 'plan'; steps: StepSpec[] }
  /** Steps go to this worker, from behind an event on. */
  | { kind: 'worker'; instance: string; afterVersion?: number };

export interface ForkResult {
  status: Delegation['status'];
  events: DelegationEvent[];
  diff: HistoryLine[];
  /** Steps that recorded results answered. */
  reused: string[];
  /** Steps that would run, whose results nobody knows. */
  open: { stepId: string; capability: string }[];
  /** Approvals that would be asked for and were never given for this. */
  approvals: string[];
  /** The default that stood for a threshold which is not on record; absent where none was needed. */
  assumedThreshold?: number;
}

/** `recorded`: the whole history with its personal data. Throws AppError `CANNOT_FORK`, and what the changed request is refused with. */
export const fork = (recorded: readonly DelegationEvent[], change: ForkChange, situation: Situation): ForkResult => {
  const kept = change.kind === 'worker' ? recorded.slice(0, change.afterVersion ?? 0) : [];
  const start = kept.length > 0 ? [...kept] : asRecorded(decide(changedRequest(recorded, change, situation), initial), recorded);
  const before = foldAll(recorded, situation.id);
  const run = new Rerun(situation.id, start, {
    agents: situation.agents,
    away: withoutWorker(recorded),
    plannerAnswer: recorded.find((event): event is Planned => event.type === 'planned' && event.data.by === 'planner'),
    ...(change.kind === 'worker' ? { instance: change.instance } : {}),
  });
  run.answer(recorded.slice(kept.length), samePlans(before, recorded));
  const { state, history } = run;
  return {
    ...(assumes(recorded, change, kept) ? { assumedThreshold: situation.defaultThreshold } : {}),
    status: state.status,
    events: history,
    diff: diffHistories(recorded, history),
    reused: [...run.reused],
    open: dispatchableSteps(state, Infinity).map(({ plan: { id, capability } }) => ({ stepId: id, capability })),
    approvals: state.status === 'active' ? pendingApprovals(state).map((asked) => (asked.scope === 'plan' ? 'plan' : asked.stepId)) : [],
  };
};

/** Only a request that was read is decided by a threshold, and only another worker leaves that as it was. */
const assumes = (recorded: readonly DelegationEvent[], { kind }: ForkChange, kept: readonly DelegationEvent[]): boolean =>
  kind === 'worker' && kept.length === 0 && firstOf(recorded, 'planned')?.data.by !== 'request' && thresholdOf(recorded) === undefined;

/** What was not kept then is no difference. */
const asRecorded = (start: readonly DelegationEvent[], recorded: readonly DelegationEvent[]): DelegationEvent[] =>
  thresholdOf(recorded) === undefined ? start.map(withoutThreshold) : [...start];

const withoutThreshold = (event: DelegationEvent): DelegationEvent => {
  if (event.type !== 'recognised') return event;
  const { threshold: _threshold, ...data } = event.data;
  return { ...event, data };
};

const withoutWorker = (recorded: readonly DelegationEvent[]): string[] =>
  recorded.some(({ data }) => 'code' in data && data.code === 'NO_WORKER')
    ? recorded.flatMap((event) => (event.type === 'planned' ? event.data.steps.map(({ capability }) => capability) : []))
    : [];

type Planned = Extract<DelegationEvent, { type: 'planned' }>;

const changedRequest = (
  recorded: readonly DelegationEvent[],
  change: ForkChange,
  situation: Situation,
): ReturnType<typeof recordedRequest> => {
  const command = recordedRequest(recorded, change.kind === 'threshold' ? { ...situation, threshold: change.threshold } : situation);
  if (change.kind !== 'plan') return command;
  return { ...command, reading: null, request: { ...command.request, pattern: 'auto', steps: change.steps } };
};

const foldAll = (events: readonly DelegationEvent[], id: string): Delegation =>
  events.reduce<Delegation>((state, event) => evolve(state, event, id), initial);

/** Of the recorded plan, by step: what a recorded result is the answer to. */
const samePlans = (state: Delegation, recorded: readonly DelegationEvent[]): ReadonlyMap<string, string> => {
  if (!('steps' in state)) throw new AppError('CANNOT_FORK', 'conflict', 'it was refused, so there is nothing to run again');
  if (recorded.some(({ type, personal }) => type === 'planned' && personal === undefined))
    throw new AppError('CANNOT_FORK', 'conflict', 'what its steps were told is erased, so nothing can be compared with it');
  return new Map(Object.values(state.steps).map(({ plan }) => [plan.id, signatureOf(plan)]));
};

const signatureOf = ({ id, capability, goal, input, dependsOn }: StepPlan): string =>
  stableText([id, capability, goal ?? null, input ?? null, [...dependsOn].sort()]);

class Rerun {
  state: Delegation;
  readonly history: DelegationEvent[];
  readonly reused = new Set<string>();
  /** What came of something else than it did then: one timer may see what another one saw. By what names it, how often. */
  private readonly foreseen = new Map<string, number>();

  constructor(
    private readonly id: string,
    start: readonly DelegationEvent[],
    private readonly replaying: Parameters<typeof commandOf>[2],
  ) {
    this.history = [...start];
    for (const event of start) if (event.type === 'stepsucceeded') this.reused.add(event.data.stepId);
    this.state = foldAll(start, id);
  }

  /** Tells the delegation what was recorded, in that order, again and again until nothing more fits: a step may be ready later than it was then. */
  answer(recorded: readonly DelegationEvent[], plans: ReadonlyMap<string, string>): void {
    let waiting = recorded.filter((event, i) => !beganWithItsResult(event, recorded[i + 1]));
    for (let count = -1; waiting.length !== count;) {
      count = waiting.length;
      const blocked = new Set<string | null>();
      waiting = waiting.filter((event) => {
        const step = stepIdOf(event);
        if (blocked.has(step) || !this.isSame(event, step, plans) || !this.tell(event)) {
          blocked.add(step);
          return true;
        }
        return false;
      });
    }
  }

  /** Whether it is about a step that is planned as it was, with the same results before it; an approval of the plan is of all steps. */
  private isSame(event: DelegationEvent, stepId: string | null, plans: ReadonlyMap<string, string>): boolean {
    if (event.type === 'feedbackgiven') return true;
    if (this.state.status !== 'active') return false;
    const { steps } = this.state;
    const same = (id: string): boolean => {
      const step = steps[id];
      return step !== undefined && signatureOf(step.plan) === plans.get(id) && step.plan.dependsOn.every((on) => this.reused.has(on));
    };
    if (stepId !== null) return same(stepId);
    if (event.type !== 'approved' && event.type !== 'denied') return true;
    const work = Object.values(steps).filter(isWork);
    const planned = [...plans.keys()].filter((id) => id !== PLANNING_STEP && !id.startsWith(UNDO_PREFIX));
    return work.length === planned.length && work.every(({ plan }) => signatureOf(plan) === plans.get(plan.id));
  }

  /** False: it has no effect here, or not yet. */
  private tell(event: DelegationEvent): boolean {
    // What people say of it, and what its children got and gave back, is as it was.
    if (event.type === 'feedbackgiven' || event.type === 'childadmitted' || event.type === 'childended') return this.take([event]);
    if (this.state.status !== 'active') return false;
    if (this.hasHappened(event)) return true;
    const command = commandOf(event, this.state, this.replaying);
    if (!command) return true;
    try {
      const events = decide(command, this.state);
      if (!this.take(events)) return false;
      for (const { type, data } of events) this.foresee(nameOf(type, data), 1);
      this.foresee(nameOf(event.type, event.data), -1);
    } catch (error) {
      if (error instanceof AppError) return false;
      throw error;
    }
    if (event.type === 'stepsucceeded') this.reused.add(event.data.stepId);
    return true;
  }

  private hasHappened({ type, data }: DelegationEvent): boolean {
    const name = nameOf(type, data);
    if ((this.foreseen.get(name) ?? 0) <= 0) return false;
    this.foresee(name, -1);
    return true;
  }

  private foresee(name: string, count: number): void {
    this.foreseen.set(name, (this.foreseen.get(name) ?? 0) + count);
  }

  private take(events: readonly DelegationEvent[]): boolean {
    this.history.push(...events);
    this.state = events.reduce<Delegation>((state, event) => evolve(state, event, this.id), this.state);
    return events.length > 0;
  }
}

/** A result brings the news of its attempt's beginning along, and is decided with it as one. */
const beganWithItsResult = (event: DelegationEvent, next: DelegationEvent | undefined): boolean =>
  event.type === 'stepstarted' &&
  next !== undefined &&
  next.at === event.at &&
  RESULTS.has(next.type) &&
  stepIdOf(next) === event.data.stepId;

const RESULTS: ReadonlySet<DelegationEvent['type']> = new Set([
  'stepsucceeded',
  'stepfailed',
  'stepretried',
  'inputrequired',
  'stepprogressed',
]);

const nameOf = (type: string, data: object): string =>
  `${type} ${'stepId' in data ? String(data.stepId) : ''} ${'attempt' in data ? String(data.attempt) : ''}`;
