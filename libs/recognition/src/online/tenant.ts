/**
 * A tenant's recogniser: the shipped model and a layer that outcomes teach. Some outcomes are kept apart as a guard: a layer that answers
 * them worse than it did before is taken back to where it was. Everything here is a function of the outcomes in their order.
 */
import { chancesFrom, exact, mixed, ORDER, sharpened, withSteps, type Chances } from '../chances.js';
import type { Pattern } from '@mandate/contracts';
import { explain, type Explanation } from '../explain.js';
import { examine, type Examined, type RecogniserModel } from '../model.js';
import type { RecognitionInput } from '../reading.js';
import { answerOf, type Recognition } from '../recognise.js';
import { certainly, firstWeights, layerChances, seenBy, step, type Seen, type Weights } from './layer.js';
import { encodeTenant } from './tenant-codec.js';

interface Lesson {
  seen: Seen;
  truth: number;
}

/** What is kept of outcomes; hashed features only. */
export interface TenantState {
  /** The digest of what the shipped model was trained on: a layer belongs to one model. */
  over: string;
  outcomes: number;
  /** Patterns that were tried, and served or not. */
  trials: number;
  rollbacks: number;
  current: Weights;
  /** Where a layer that gets worse goes back to. */
  safe: Weights;
  /** The latest lessons, which are repeated; and those never learned from. */
  memory: Lesson[];
  guard: Lesson[];
}

const MEMORY = 384;
const REPEATS = 12;
const GUARD = 64;
/** Every so many outcomes one goes to the guard; after so many the layer is looked at. */
const GUARD_EVERY = 12;
const CHECK_EVERY = 48;
/** Nats a request: less is chance. */
const WORSE = 0.05;
/** A layer that repeats its lessons is surer than it is right; on left-out sources this much. */
const SHARPNESS = 0.65;
/**
 * So many outcomes give a layer half the say beside the shipped model: the first ones would move every request's answer, not only those like theirs.
 * On left-out families ten times as many cost accuracy at the start of a stream.
 */
const HALF_HEARD = 5;
/** A step through the memory that visits all of it before any again. */
const STRIDE = 101;

export const newTenant = (model: RecogniserModel): TenantState => {
  const measures = model.linear.mean.length;
  return {
    over: model.header.trainedOn,
    outcomes: 0,
    trials: 0,
    rollbacks: 0,
    current: firstWeights(measures),
    safe: firstWeights(measures),
    memory: [],
    guard: [],
  };
};

const copyOf = ({ weights, slopes }: Weights): Weights => ({ weights: weights.slice(), slopes: slopes.slice() });

const lossOf = (weights: Weights, lessons: readonly Lesson[]): number =>
  lessons.reduce((sum, { seen, truth }) => sum - Math.log((layerChances(weights, seen)[truth] as number) + 1e-6), 0) /
  Math.max(1, lessons.length);

/** Puts `lesson` where the oldest lies once the ring is full. */
const keep = (ring: Lesson[], size: number, count: number, lesson: Lesson): void => {
  ring[count % size] = lesson;
};

const check = (state: TenantState): void => {
  if (lossOf(state.current, state.guard) > lossOf(state.safe, state.guard) + WORSE) {
    state.current = copyOf(state.safe);
    state.rollbacks += 1;
  } else state.safe = copyOf(state.current);
};

/** Learns one outcome, in place. */
export const learn = (state: TenantState, seen: Seen, outcome: Pattern): void => {
  const lesson: Lesson = { seen, truth: ORDER.indexOf(outcome) };
  state.outcomes += 1;
  const n = state.outcomes;
  if (n % GUARD_EVERY === 0) keep(state.guard, GUARD, n / GUARD_EVERY - 1, lesson);
  else {
    step(state.current, seen, certainly(lesson.truth));
    for (let i = 0; i < REPEATS && state.memory.length > 0; i++) {
      const { seen: old, truth } = state.memory[((n * REPEATS + i) * STRIDE) % state.memory.length] as Lesson;
      step(state.current, old, certainly(truth));
    }
    keep(state.memory, MEMORY, n - 1 - Math.floor(n / GUARD_EVERY), lesson);
  }
  if (n % CHECK_EVERY === 0) check(state);
};

/** What a trial teaches beside an outcome: that a plan worked does not say that no other would have. */
const TRIAL_SHARE = 0.1;

/**
 * Learns whether the pattern that was tried served, in place: towards it, or away from it towards the others. Only where a guard watches,
 * because a layer that hears its own answers praised grows sure of all of them.
 */
export const learnTrial = (state: TenantState, seen: Seen, tried: Pattern, served: boolean): void => {
  state.trials += 1;
  if (state.guard.length === 0) return;
  const place = ORDER.indexOf(tried);
  const chances = layerChances(state.current, seen);
  const rest = 1 - (chances[place] as number) + 1e-9;
  const target = served ? certainly(place) : chancesFrom((c) => (c === place ? 0 : ((chances[c] as number) + 1e-9 / 3) / rest));
  step(state.current, seen, target, TRIAL_SHARE);
  if (state.trials % CHECK_EVERY === 0) check(state);
};

const chancesFor = (state: TenantState, examined: Examined, seen: Seen): Chances =>
  state.outcomes === 0 ? examined.chances : exact(withSteps(heard(state, examined.chances, seen), examined.facts.steps.count));

const heard = ({ outcomes, current }: TenantState, shipped: Chances, seen: Seen): Chances =>
  mixed(outcomes / (outcomes + HALF_HEARD), sharpened(layerChances(current, seen), SHARPNESS), shipped);

/** An answer that can be told how it turned out. */
export interface TaughtAnswer {
  recognition: Recognition;
  learn(outcome: Pattern): void;
  learnTrial(tried: Pattern, served: boolean): void;
  /** Why, for readers. */
  explain(): Explanation;
}

export interface TenantRecogniser {
  answer(input: RecognitionInput): TaughtAnswer;
  readonly state: Readonly<TenantState>;
  /** The layer as bytes: the same outcomes in the same order give the same. */
  bytes(): Uint8Array;
}

/** `state` is taken over and changes with every outcome learned. */
export const tenantRecogniser = (model: RecogniserModel, state: TenantState = newTenant(model)): TenantRecogniser => ({
  answer(input) {
    const examined = examine(model, input);
    const seen = seenBy(examined);
    const taught = state.outcomes + state.trials;
    const named = { name: model.header.name, version: taught === 0 ? model.header.version : `${model.header.version}+${taught}` };
    const chances = chancesFor(state, examined, seen);
    return {
      recognition: answerOf(examined, chances, named),
      learn: (outcome) => learn(state, seen, outcome),
      learnTrial: (tried, served) => learnTrial(state, seen, tried, served),
      explain: () => ({ ...explain(model, input, chances), model: named }),
    };
  },
  state,
  bytes: () => encodeTenant(state),
});
