/** Delegations asked for at a steady rate, whatever is being killed: each publish is repeated until JetStream acks it. */
import { setTimeout as delay } from 'node:timers/promises';
import { ulid } from '@mandate/kernel';
import type { Seeded } from '@mandate/testing';
import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';

export type Shape = 'sequential' | 'parallel' | 'direct';
export const SHAPES: Record<Shape, readonly { id: string; dependsOn: readonly string[] }[]> = {
  sequential: [
    { id: 'a', dependsOn: [] },
    { id: 'b', dependsOn: ['a'] },
    { id: 'c', dependsOn: ['b'] },
  ],
  parallel: [
    { id: 'a', dependsOn: [] },
    { id: 'b', dependsOn: [] },
    { id: 'c', dependsOn: [] },
  ],
  direct: [{ id: 'a', dependsOn: [] }],
};
const MIX: readonly Shape[] = ['sequential', 'sequential', 'parallel', 'direct'];
/** Part of the requests that are published again although they were acked. */
const REPEATED = 0.1;
/** Every kill may cost an attempt. */
const MAX_ATTEMPTS = 50;
const RETRY_MS = 100;

export interface Asked {
  id: string;
  shape: Shape;
}

export interface LoadOptions {
  natsUrl: string;
  delegations: number;
  perSecond: number;
  random: Seeded;
}

export interface Load {
  /** Acked ones, in the order of their acks. */
  readonly asked: Asked[];
  /** Publishes that failed and were made again. */
  retries: number;
}

/** Resolves when the last request is acked. */
export const publishLoad = async ({ natsUrl, delegations, perSecond, random }: LoadOptions): Promise<Load> => {
  const connection = await connect({ servers: natsUrl, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  const load: Load = { asked: [], retries: 0 };
  const startedAt = performance.now();
  const publishing: Promise<void>[] = [];
  for (let n = 0; n < delegations; n++) {
    await delay(Math.max(0, startedAt + (n * 1_000) / perSecond - performance.now()));
    const asked = { id: ulid(Date.now(), random.bytes(10)), shape: random.pick(MIX) };
    publishing.push(publishOne(connection, load, asked, random.next() < REPEATED ? 2 : 1));
  }
  await Promise.all(publishing);
  await connection.close();
  return load;
};

const publishOne = async (connection: NatsConnection, load: Load, asked: Asked, times: number): Promise<void> => {
  const { id, shape } = asked;
  const steps = SHAPES[shape].map((step) => ({ ...step, capability: 'enter', maxAttempts: MAX_ATTEMPTS }));
  const body = JSON.stringify({ id, goal: `enter what ${shape} asks for`, steps });
  for (let acked = 0; acked < times;) {
    try {
      await jetstream(connection).publish(`mandate.v1.default.request.${id}.chaos`, body, { timeout: 2_000 });
      acked++;
    } catch {
      load.retries++;
      await delay(RETRY_MS);
    }
  }
  load.asked.push(asked);
};
