/** Good requests beside the storm: each is timed from its publish to the news that it completed. */
import { until } from '@mandate/testing';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { newId } from '../e2e/plain-requester.js';

const PATIENCE_MS = 60_000;
const FINAL = /^dev\.mandate\.delegation\.(completed|failed|canceled|rejected)\.v1$/;

export class GoodTraffic {
  /** How each delegation ended, whoever asked for it. */
  readonly ends = new Map<string, string>();
  private readonly waiting = new Map<string, () => void>();
  private readonly subscription: Subscription;

  constructor(
    private readonly connection: NatsConnection,
    private readonly capability: string,
  ) {
    this.subscription = connection.subscribe('mandate.v1.*.event.delegation.*', {
      callback: (_error, message) => {
        const end = FINAL.exec(message.headers?.get('ce-type') ?? '')?.[1];
        const id = message.subject.slice(message.subject.lastIndexOf('.') + 1);
        if (end === undefined || this.ends.has(id)) return;
        this.ends.set(id, end);
        this.waiting.get(id)?.();
      },
    });
  }

  /** `callers` ask one after another while `goesOn`; resolves to the latencies in ms. Throws when one did not complete. */
  async run(callers: number, goesOn: () => boolean): Promise<number[]> {
    const latencies: number[] = [];
    const caller = async (): Promise<void> => {
      while (goesOn()) latencies.push(await this.one());
    };
    await Promise.all(Array.from({ length: callers }, caller));
    return latencies;
  }

  stop(): void {
    this.subscription.unsubscribe();
  }

  private async one(): Promise<number> {
    const id = newId();
    const steps = ['a', 'b'].map((step, i) => ({ id: step, capability: this.capability, dependsOn: i === 0 ? [] : ['a'] }));
    const startedAt = performance.now();
    const ended = new Promise<void>((resolve) => this.waiting.set(id, resolve));
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const tired = new Promise<never>((_resolve, reject) =>
      patience.addEventListener('abort', () => reject(new Error(`the good delegation ${id} had no end after ${PATIENCE_MS} ms`))),
    );
    await jetstream(this.connection).publish(`mandate.v1.default.request.${id}.good`, JSON.stringify({ goal: 'good', steps }));
    await Promise.race([ended, tired]);
    this.waiting.delete(id);
    if (this.ends.get(id) !== 'completed') throw new Error(`the good delegation ${id} ended ${this.ends.get(id)}`);
    return performance.now() - startedAt;
  }

  /** Waits until all of these have ended. */
  async allEnded(ids: readonly string[]): Promise<void> {
    await until(() => ids.every((id) => this.ends.has(id)), { what: `${ids.length} odd delegations to end`, timeoutMs: PATIENCE_MS });
  }
}

/** The value that 95 of 100 do not exceed (nearest rank). */
export const p95 = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN;
};
