/** Whose turn it is when several queues want slots: the tenant that runs least for its weight, then the most urgent step. */
import type { StepToPlace } from './allocator.js';
import type { Block } from './blocks.js';
import { isOfKey, sharedBy, type Held } from './contention.js';
import type { RetryBlock } from './retry-budget.js';

export interface QueueName {
  tenant: string;
  capability: string;
}

/** Steps that wait for one capability of a tenant, most urgent first: all of them, or the first. */
export interface Queue extends QueueName {
  steps: readonly QueuedStep[];
  /** Nobody waits behind these. */
  complete: boolean;
}

export interface QueuedStep extends StepToPlace {
  /** See `urgencyOf`. */
  urgency: number;
}

export interface QueueOutcome {
  /**
   * `ran-out`: every step has a slot now; `keys`: limits of keys, or of retries, were in the way of those that have none; `held-up`: nothing behind the first
   * can go on; `open`: it, or one whose turn it is before, has to be read on.
   */
  ended: 'ran-out' | 'keys' | 'held-up' | 'open';
  gave: number;
  /** When a rate or the retry budget allows the next one. */
  readyAt: number | null;
  /** The retry budget is spent. */
  held: RetryBlock | null;
}

export type Reading = 'first' | 'keys';

interface Place {
  queue: Queue;
  next: number;
  done: boolean;
  gave: number;
  readyAt: number | null;
  heldBy: Block | null;
  keys: Set<string>;
  retries: RetryBlock | null;
}

export interface Turn {
  step: QueuedStep;
  granted: () => void;
  passed: () => void;
  blocked: (block: Block) => void;
}

export class Turns {
  private readonly places: Place[];

  constructor(
    queues: readonly Queue[],
    private readonly shareOf: (tenant: string) => number,
  ) {
    this.places = queues.map((queue) => ({
      queue,
      next: 0,
      done: false,
      gave: 0,
      readyAt: null,
      heldBy: null,
      keys: new Set(),
      retries: null,
    }));
  }

  /** Null once every queue ran out or is held up, and once one ran out that may have more steps: nobody gets ahead of those. */
  next(): Turn | null {
    let best: Place | null = null;
    let bestStep: QueuedStep | undefined;
    let lowest = Infinity;
    for (const place of this.places) {
      if (place.done) continue;
      const step = place.queue.steps[place.next];
      if (!step) {
        if (place.queue.complete) continue;
        return null;
      }
      const share = this.shareOf(place.queue.tenant);
      if (share > lowest || (share === lowest && bestStep && step.urgency >= bestStep.urgency)) continue;
      [best, bestStep, lowest] = [place, step, share];
    }
    return best && bestStep ? this.turn(best, bestStep) : null;
  }

  private turn(place: Place, step: QueuedStep): Turn {
    return {
      step,
      granted: () => {
        place.gave++;
        place.next++;
      },
      passed: () => {
        place.next++;
      },
      blocked: (block) => {
        if (block.kind === 'rate' || block.kind === 'retry-budget') place.readyAt = Math.min(place.readyAt ?? Infinity, block.readyAt);
        if (block.kind === 'retry-budget') {
          place.retries = block;
          place.next++;
        } else if (isOfKey(block)) {
          place.keys.add(step.key ?? '');
          place.next++;
        } else {
          place.heldBy = block;
          place.done = true;
        }
      },
    };
  }

  get outcomes(): QueueOutcome[] {
    return this.places.map((place) => ({ ended: endOf(place), gave: place.gave, readyAt: place.readyAt, held: place.retries }));
  }

  /** What the queues that were gone through wait for that others want, too. */
  get held(): Held[] {
    return this.places.flatMap((place) => {
      const { queue, heldBy, keys } = place;
      return endOf(place) === 'open' ? [] : { tenant: queue.tenant, capability: queue.capability, shared: sharedBy(heldBy), keys };
    });
  }
}

const endOf = ({ queue, next, heldBy, keys, retries }: Place): QueueOutcome['ended'] => {
  if (heldBy) return 'held-up';
  if (next < queue.steps.length) return 'open';
  if (keys.size > 0 || retries) return 'keys';
  return queue.complete ? 'ran-out' : 'open';
};

/** How a queue has to be read on: its first steps, or the most urgent one of each key; null: not now. */
export const nextReading = ({ ended, gave }: QueueOutcome, last: Reading): Reading | null => {
  if (ended === 'open') return last;
  // Behind the head of a key there may be more.
  if (ended === 'ran-out') return last === 'keys' && gave > 0 ? 'keys' : null;
  if (ended !== 'keys') return null;
  if (gave > 0) return last;
  return last === 'keys' ? null : 'keys';
};
