/** Signs the head of the log every second when it grew and every minute when it did not, and has it cosigned. */
import { type TreeHasher } from '@mandate/audit-log';
import { Turn, type EventStore, type LogHead } from '@mandate/event-store';
import { AppError, type Clock } from '@mandate/kernel';
import type { Logger } from '@mandate/service-host';
import type { LogProofs } from './proofs.js';
import type { LogSigner } from './signer.js';
import { Tree } from './tree.js';
import type { TreeStore } from './tree-store.js';
import { Witnesses, type WitnessAddress } from './witnesses.js';

const EVERY_MS = 1_000;
/** An unchanged head is signed anew after this long. */
const AT_LEAST_EVERY_MS = 60_000;
/** Two that sign from one folder would get into each other's way. */
const LEASE = 'log-signer';
const LEASE_TTL_MS = 10_000;

export interface TransparencyParts {
  hasher: TreeHasher;
  store: EventStore;
  trees: TreeStore;
  proofs: LogProofs;
  signer: LogSigner;
  witnesses: readonly WitnessAddress[];
  /** Names this process among those that might sign. */
  instance: string;
  logger: Logger;
  clock: Clock;
}

export class Transparency {
  private readonly tree: Tree;
  private readonly witnesses: Witnesses;
  /** The lease says who signs; the turn, that whoever lost it meanwhile cannot write an older head over a newer one. */
  private readonly turn: Turn;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private signedAt = 0;
  private signedSize = -1n;
  /** Why nothing is signed any more; null while all is well. */
  private trouble: string | null = null;
  private leaseUntil = 0;

  constructor(private readonly parts: TransparencyParts) {
    this.tree = new Tree(parts.hasher, parts.trees);
    this.turn = new Turn(parts.store.database, 'signing');
    this.witnesses = new Witnesses(parts.witnesses, (from, to) => parts.proofs.consistency(from, to), parts.logger);
  }

  start(): void {
    this.timer = setInterval(() => this.tick(), EVERY_MS);
    this.tick();
  }

  /** For health and metrics. Throws AppError while nothing can be signed. */
  report(): { signs: boolean; signedSize: number; ageMs: number } {
    if (this.trouble !== null) throw new AppError('LOG_NOT_SIGNED', 'internal', this.trouble);
    return { signs: this.leaseUntil > 0, signedSize: Number(this.signedSize), ageMs: this.parts.clock.now() - this.signedAt };
  }

  /** One round: what the ticks do, and what tests do without waiting. Throws what keeps it from signing. */
  async round(): Promise<void> {
    const { store, trees, signer, clock } = this.parts;
    if (!(await this.holdsLease())) return;
    const head = await store.head();
    if (BigInt(head.size) === this.signedSize && clock.now() - this.signedAt < AT_LEAST_EVERY_MS) return;
    signer.assertOwn((await trees.head()).checkpoint);
    const { size, checkpoint } = await this.turn.take(() => this.sign(head));
    this.signedAt = clock.now();
    this.signedSize = size;
    if (this.witnesses.count === 0) return;
    const { text, count } = await this.witnesses.cosign(checkpoint, size);
    await trees.publishCosigned(text, size, count === this.witnesses.count);
  }

  private async sign(head: LogHead): Promise<{ size: bigint; checkpoint: string }> {
    const { trees, proofs, signer } = this.parts;
    const { size, root } = await this.tree.grow(head);
    const checkpoint = await signer.sign({ size, root }, (from, to) => proofs.consistency(from, to));
    await trees.publish(checkpoint, size);
    return { size, checkpoint };
  }

  private async holdsLease(): Promise<boolean> {
    const { store, instance, clock } = this.parts;
    const now = clock.now();
    if (now < this.leaseUntil - LEASE_TTL_MS / 2) return true;
    const held = (await store.claimLease(LEASE, instance, LEASE_TTL_MS)) !== null;
    this.leaseUntil = held ? now + LEASE_TTL_MS : 0;
    return held;
  }

  private tick(): void {
    this.running ??= this.round()
      .then(() => this.settle(null))
      .catch((error: unknown) => this.settle(error))
      .finally(() => (this.running = null));
  }

  private settle(error: unknown): void {
    const { logger } = this.parts;
    const reason = error instanceof Error ? error.message : error === null ? null : String(error);
    if (reason !== null && reason !== this.trouble) logger.error({ err: error }, 'the log’s head is not signed');
    if (reason === null && this.trouble !== null) logger.info({ size: String(this.signedSize) }, 'the log’s head is signed again');
    this.trouble = reason;
  }

  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    await this.running;
    if (this.leaseUntil > 0) await this.parts.store.releaseLease(LEASE, this.parts.instance).catch(() => undefined);
  }
}
