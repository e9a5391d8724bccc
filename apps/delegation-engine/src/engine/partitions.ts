/** Which partitions this engine owns, by leases in PostgreSQL with an epoch that every append carries. */
import type { EventStore } from '@mandate/event-store';
import { PARTITIONS } from '@mandate/contracts';
import type { Logger } from '@mandate/service-host';
import { StaleWriterError } from './delegation-writer.js';

export interface Ownership {
  partitionOf(delegationId: string): number;
  /** Throws StaleWriterError when the partition is not owned. */
  fence(partition: number): { index: number; epoch: number };
}

export interface PartitionsOptions {
  store: EventStore;
  instance: string;
  logger: Logger;
  /** Called once a partition is owned; its state must then come from the store. */
  gained(partition: number): Promise<void>;
  lost(partition: number): Promise<void>;
}

const LEASE_TTL_MS = 3_000;

/** FNV-1a over the id modulo the number of partitions: nats-server's own `partition()` mapping, so that both agree. */
export const partitionOf = (delegationId: string, partitions: number = PARTITIONS): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < delegationId.length; i++) {
    hash ^= delegationId.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0) % partitions;
};

export class Partitions implements Ownership {
  private readonly epochs = new Map<number, number>();
  private changing: Promise<void> = Promise.resolve();

  constructor(private readonly options: PartitionsOptions) {}

  get owned(): number[] {
    return [...this.epochs.keys()].sort((a, b) => a - b);
  }

  partitionOf(delegationId: string): number {
    return partitionOf(delegationId);
  }

  owns(partition: number): boolean {
    return this.epochs.has(partition);
  }

  fence(partition: number): { index: number; epoch: number } {
    const epoch = this.epochs.get(partition);
    if (epoch === undefined) throw new StaleWriterError(`partition ${partition} is not owned here`);
    return { index: partition, epoch };
  }

  /** Renews what is owned and takes what is this engine's share. Called every second: what fails is done by the next one. */
  tick(): Promise<void> {
    const balanced = this.changing.then(() => this.balance());
    this.changing = balanced.catch(() => undefined);
    return balanced;
  }

  async stop(): Promise<void> {
    await this.changing;
    for (const partition of this.owned) await this.drop(partition);
    await this.options.store.releasePartitions(this.options.instance);
  }

  /** An append was refused: someone else owns the partition. */
  async drop(partition: number): Promise<void> {
    if (!this.epochs.delete(partition)) return;
    await this.options.lost(partition);
  }

  private async balance(): Promise<void> {
    const { store, instance, logger } = this.options;
    const owned = new Map((await store.claimPartitions(instance, LEASE_TTL_MS)).map(({ partition, epoch }) => [partition, epoch]));
    for (const [partition, epoch] of this.epochs) if (owned.get(partition) !== epoch) await this.drop(partition);
    const gained = [...owned].filter(([partition]) => !this.epochs.has(partition));
    for (const [partition, epoch] of gained) this.epochs.set(partition, epoch);
    if (gained.length > 0) logger.info({ gained: gained.map(([partition]) => partition), owned: this.owned }, 'partitions taken over');
    const taken = await Promise.allSettled(gained.map(([partition]) => this.gain(partition)));
    for (const one of taken) if (one.status === 'rejected') throw one.reason;
  }

  private async gain(partition: number): Promise<void> {
    try {
      await this.options.gained(partition);
    } catch (error) {
      // Its lease stays, so the next tick gains it again.
      await this.drop(partition);
      throw error;
    }
  }
}
