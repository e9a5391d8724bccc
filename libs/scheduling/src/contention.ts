/** What waiting steps are held up by that steps of other queues want, too. Who comes new must not take it from under them. */
import type { Block, Candidate } from './blocks.js';
import type { QueueName } from './turns.js';

export interface Held extends QueueName {
  /** With whom the queue shares what it waits for; null: with nobody, or with nobody who could have it. */
  shared: 'log' | 'tenant' | null;
  /** Concurrency keys that steps of it wait for. */
  keys: ReadonlySet<string>;
}

export const isOfKey = (block: Block): boolean =>
  (block.kind === 'limit' && block.limit === 'key') || (block.kind === 'rate' && block.rate === 'key');

export const sharedBy = (block: Block | null): Held['shared'] => {
  if (block?.kind === 'capacity') return 'log';
  return block?.kind === 'limit' && (block.limit === 'tenant' || block.limit === 'worker') ? 'tenant' : null;
};

const NO_KEYS: ReadonlySet<string> = new Set();

export class Contention {
  private readonly queues = new Map<string, Held>();

  set(held: Held): void {
    if (held.shared || held.keys.size > 0) this.queues.set(nameOf(held), held);
    else this.queues.delete(nameOf(held));
  }

  /** Until the queue was looked at, it may wait for anything. */
  unknown({ tenant, capability }: QueueName): void {
    const name = nameOf({ tenant, capability });
    if (!this.queues.has(name)) this.queues.set(name, { tenant, capability, shared: 'log', keys: NO_KEYS });
  }

  delete(queue: QueueName): void {
    this.queues.delete(nameOf(queue));
  }

  clear(): void {
    this.queues.clear();
  }

  /** Whether a queue waits for what the candidate would take. */
  of({ tenant, key }: Candidate, isCapacityShared: boolean): boolean {
    for (const held of this.queues.values()) {
      if (held.tenant !== tenant ? isCapacityShared && held.shared === 'log' : held.shared !== null) return true;
      if (held.tenant === tenant && key !== null && held.keys.has(key)) return true;
    }
    return false;
  }
}

const nameOf = ({ tenant, capability }: QueueName): string => `${tenant}/${capability}`;
