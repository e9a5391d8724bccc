/** Random stories of a delegation: a request, and moves that are made into commands of the state that they meet. */
import fc from 'fast-check';
import { AppError } from '@mandate/kernel';
import type { DelegationDecisionCommand, RequestDelegation } from '../src/commands.js';
import { NO_COST } from '../src/cost.js';
import { decide } from '../src/decide.js';
import type { DelegationEvent } from '../src/events.js';
import { evolve, initial } from '../src/evolve.js';
import { dispatchableSteps, isRunning, stepsOf, type ActiveDelegation, type Delegation, type Step } from '../src/model.js';
import {
  accepted,
  answer,
  asks,
  askedPlanner,
  CHAIN,
  child,
  DAY,
  dispatch,
  done,
  failed,
  ID,
  lost,
  MINUTE,
  notAccepted,
  PLANNER,
  planOf,
  recognition,
  request,
  result,
  SECOND,
  steer,
  T0,
  told,
  wake,
} from './scenes.js';

type StepSpecs = NonNullable<RequestDelegation['request']['steps']>;

const MOVES = [
  ...['dispatch', 'dispatch', 'dispatch', 'accepted', 'accepted', 'done', 'done', 'done', 'plan', 'approve', 'approve', 'answer'],
  ...[
    'failed',
    'fatal',
    'asks',
    'progress',
    'not-accepted',
    'lost',
    'wake',
    'child',
    'child-ended',
    'deny',
    'cancel',
    'request',
    'wrong-plan',
  ],
] as const;

export interface Move {
  kind: (typeof MOVES)[number];
  /** Which of the steps that the move fits. */
  pick: number;
  /** The move is made for any step, of an attempt that may be over or yet to come. */
  astray: boolean;
  /** Milliseconds since the move before. */
  wait: number;
  jitter: number;
  /** Commands with the same number are the same command. */
  number: number;
}

export interface Script {
  asked: RequestDelegation;
  moves: Move[];
}

const NAMES = ['a', 'b', '__proto__', 'd', 'constructor'] as const;

/** Each step depends on some of those before it: no cycles. */
const graph: fc.Arbitrary<StepSpecs> = fc
  .array(
    fc.record({
      edges: fc.nat(31),
      capability: fc.constantFrom('search', 'write', 'pay'),
      irreversible: fc.boolean(),
      maxAttempts: fc.integer({ min: 1, max: 3 }),
      timeout: fc.constantFrom('PT2S', 'PT5M'),
      compensated: fc.boolean(),
    }),
    { minLength: 1, maxLength: NAMES.length },
  )
  .map((nodes) =>
    nodes.map(({ edges, compensated, ...rest }, i) => ({
      ...rest,
      ...(compensated ? { compensate: { capability: 'pay', input: i } } : {}),
      id: NAMES[i] as string,
      dependsOn: NAMES.slice(0, i).filter((_, bit) => (edges >> bit) & 1),
    })),
  );

const asked: fc.Arbitrary<RequestDelegation> = fc
  .record({
    of: fc.constantFrom('steps', 'steps', 'planner', 'lonely-planner', 'words', 'doubt'),
    steps: graph,
    approval: fc.constantFrom('never', 'irreversible', 'plan'),
    approvalTimeout: fc.constantFrom('PT30S', 'P1D'),
    budget: fc.record({
      deadline: fc.constantFrom('PT1M', 'PT1H', 'P1D'),
      depth: fc.nat(2),
      steps: fc.constantFrom(1, 2, 5, 40),
    }),
  })
  .map(({ of, steps, ...terms }) => {
    if (of === 'planner') return askedPlanner(terms);
    if (of === 'lonely-planner') return askedPlanner(terms, { agents: [PLANNER] });
    const confidence = of === 'doubt' ? 0.1 : 0.9;
    if (of !== 'steps') return told({ kind: 'read', recognition: recognition('sequential', confidence), plan: CHAIN }, terms);
    return request({ ...terms, steps, budget: { ...terms.budget, steps: Math.max(terms.budget.steps, steps.length) } });
  });

const move: fc.Arbitrary<Move> = fc.record({
  kind: fc.constantFrom(...MOVES),
  pick: fc.nat(6),
  astray: fc.nat(5).map((n) => n === 0),
  wait: fc.constantFrom(0, 0, 0, 1, 250, SECOND, MINUTE, 5 * MINUTE, DAY / 4),
  jitter: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  number: fc.nat(9),
});

export const script: fc.Arbitrary<Script> = fc.record({ asked, moves: fc.array(move, { maxLength: 40, size: 'max' }) });

const fits = (kind: Move['kind'], step: Step, state: ActiveDelegation, now: number): boolean => {
  switch (kind) {
    case 'dispatch':
      return dispatchableSteps(state, now).includes(step);
    case 'accepted':
    case 'not-accepted':
      return step.phase.status === 'dispatched';
    case 'plan':
    case 'wrong-plan':
      return step.planning && isRunning(step);
    case 'approve':
    case 'deny':
      return step.approval === 'requested';
    case 'answer':
      return step.phase.status === 'input-required';
    default:
      return isRunning(step);
  }
};

const NOBODY = { stepId: 'nobody', attempt: 1, lease: 1 };

const targetOf = ({ kind, pick, astray }: Move, state: Delegation, now: number): typeof NOBODY => {
  if (!('steps' in state)) return NOBODY;
  const all = stepsOf(state);
  const fitting = astray || state.status !== 'active' ? all : all.filter((step) => fits(kind, step, state, now));
  const step = fitting[pick % Math.max(1, fitting.length)];
  if (!step) return NOBODY;
  return { stepId: step.plan.id, attempt: astray ? step.attempt + (pick % 3) - 1 : step.attempt, lease: step.lease };
};

/** One of the children, which used what was set apart for it, or less. */
const childEnded = (state: Delegation, pick: number, now: number): DelegationDecisionCommand => {
  const children = 'children' in state ? state.children : [];
  const { id, steps, cost } = children[pick % Math.max(1, children.length)] ?? { id: 'nobody', steps: 0, cost: NO_COST };
  return { type: 'child-ended', childId: id, used: { steps: Math.max(0, steps - pick), cost }, now };
};

const commandOf = (move: Move, state: Delegation, asked: RequestDelegation, now: number): DelegationDecisionCommand => {
  const { kind, jitter, number, pick } = move;
  const { stepId, attempt, lease } = targetOf(move, state, now);
  const at = { attempt, now };
  const end = { ...at, jitter, agents: asked.agents };
  const steering = { commandId: `${number}`, now, ...(pick % 2 ? { stepId } : {}) };
  const planned = [
    { id: 'p1', capability: 'search', irreversible: pick % 2 === 0 },
    { id: 'p2', capability: pick % 3 ? 'write' : 'search', dependsOn: pick % 2 ? ['p1'] : [] },
  ];
  switch (kind) {
    case 'dispatch':
      return dispatch(stepId, { now, effects: pick % 3 ? 'idempotent' : 'at-most-once', instance: `w${number % 3}` });
    case 'accepted':
      return accepted(stepId, { ...at, acceptedAt: now });
    case 'done':
      return done(stepId, `${stepId}, attempt ${attempt}`, end);
    case 'plan':
      return planOf(planned, end);
    case 'wrong-plan':
      return planOf([{ id: 'p1', capability: 'search', dependsOn: ['p2'] }], end);
    case 'failed':
      return failed(stepId, end);
    case 'fatal':
      return failed(stepId, end, false);
    case 'asks':
      return asks(stepId, end, `q${number % 2}`);
    case 'progress':
      return result(stepId, { status: 'progress', progress: jitter }, end);
    case 'not-accepted':
      return notAccepted(stepId, { ...at, lease });
    case 'lost':
      return lost(stepId, end);
    case 'wake':
      return wake(now - T0, { jitter, agents: asked.agents, capabilitiesAway: new Set(pick % 2 ? ['search', 'pay'] : []) });
    case 'child':
      return child(pick % 2 ? {} : { steps: pick, depth: number % 3 }, { ...at, stepId, childId: `c${number}` });
    case 'child-ended':
      return childEnded(state, pick, now);
    case 'cancel':
    case 'approve':
    case 'deny':
      return steer(kind, steering);
    case 'answer':
      return answer(`q${number % 2}`, steering);
    case 'request':
      return { ...asked, now };
  }
};

/** One command of a story. */
export interface Scene {
  command: DelegationDecisionCommand;
  before: Delegation;
  /** Empty when the command was refused. */
  events: DelegationEvent[];
  after: Delegation;
}

/** Tells the story. A refusal (AppError) is part of it, any other error ends it. */
export const play = ({ asked: first, moves }: Script): Scene[] => {
  const scenes: Scene[] = [];
  let state: Delegation = initial;
  let now = T0;
  const make = (command: DelegationDecisionCommand): void => {
    const events = decided(command, state);
    const after = events.reduce((folded, event) => evolve(folded, event, ID), state);
    scenes.push({ command, before: state, events, after });
    state = after;
  };
  make(first);
  for (const next of moves) {
    now += next.wait;
    make(commandOf(next, state, first, now));
  }
  return scenes;
};

/** What was decided; a refusal decides nothing. */
export const decided = (command: DelegationDecisionCommand, state: Delegation): DelegationEvent[] => {
  try {
    return decide(command, state);
  } catch (error) {
    if (error instanceof AppError) return [];
    throw error;
  }
};
