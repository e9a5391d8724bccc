/** Read models and side effects that follow the log. */
import type { PoolClient } from 'pg';
import { checkpointOf, moveCheckpoint } from './checkpoints.js';
import type { Database } from './database.js';
import type { EventStore } from './event-store.js';
import { Subscription, type Subscriber, type SubscriptionOptions } from './subscription.js';
import type { RecordedEvent } from './types.js';

/** A query inside the transaction that also moves the checkpoint. */
export type Query = (sql: string, parameters: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

export interface Projection {
  name: string;
  types?: readonly string[];
  decrypt?: boolean;
  /** Writes what `events` change, through `query` only. Must give the same when it sees an event twice. */
  project(query: Query, events: readonly RecordedEvent[]): Promise<void>;
}

export interface Reaction {
  name: string;
  types?: readonly string[];
  decrypt?: boolean;
  /** Side effects, at least once: a crash before the checkpoint moves repeats the batch. */
  react(events: readonly RecordedEvent[]): Promise<void>;
}

export const runProjection = (projection: Projection, options: SubscriptionOptions): Subscription =>
  new Subscription(projecting(options.store.database, projection), options);

export const runReactor = (reaction: Reaction, options: SubscriptionOptions): Subscription =>
  new Subscription(
    {
      ...following(reaction),
      apply: async (events, from, to) => {
        if (events.length > 0) await reaction.react(events);
        await options.store.database.transaction((client) => moveCheckpoint(client, reaction.name, from, to), { durable: false });
      },
    },
    options,
  );

const projecting = (database: Database, projection: Projection): Subscriber => ({
  ...following(projection),
  apply: (events, from, to) =>
    database.transaction(
      async (client) => {
        await moveCheckpoint(client, projection.name, from, to);
        if (events.length > 0) await projection.project(queryOf(client), events);
      },
      { durable: false },
    ),
});

const following = ({ name, types, decrypt = false }: Omit<Subscriber, 'apply'>): Omit<Subscriber, 'apply'> => ({
  name,
  decrypt,
  ...(types ? { types } : {}),
});

const queryOf =
  (client: PoolClient): Query =>
  async (sql, parameters) =>
    (await client.query<Record<string, unknown>>(sql, [...parameters])).rows;

export interface Rebuild {
  store: EventStore;
  /** Writes beside what is live; its name is another one. */
  shadow: Projection;
  /** Name of the projection that is replaced. */
  live: string;
  /** Puts the shadow's tables in the place of the live ones. */
  swap(query: Query): Promise<void>;
  batchSize?: number;
}

/** Projects the whole log beside the live projection, then swaps both in one transaction. The live one goes on until then and continues behind it. */
export const rebuildProjection = async ({ store, shadow, live, swap, batchSize = 500 }: Rebuild): Promise<void> => {
  const { apply } = projecting(store.database, shadow);
  let position = await checkpointOf(store.database, shadow.name);
  const swapped = (): Promise<boolean> =>
    store.database.transaction(async (client) => {
      const { rows } = await client.query<{ position: string }>('SELECT position FROM es.checkpoint WHERE subscription = $1 FOR UPDATE', [
        live,
      ]);
      if (Number(rows[0]?.position ?? 0) > position) return false;
      await swap(queryOf(client));
      await client.query(
        'INSERT INTO es.checkpoint (subscription, position) VALUES ($1, $2) ON CONFLICT (subscription) DO UPDATE SET position = excluded.position, updated_at = now()',
        [live, position],
      );
      await client.query('DELETE FROM es.checkpoint WHERE subscription = $1', [shadow.name]);
      return true;
    });
  for (;;) {
    const to = Math.min(position + batchSize, (await store.head()).size);
    if (to === position && (await swapped())) return;
    if (to === position) continue;
    const { types, decrypt = false } = shadow;
    await apply(await store.readAll({ from: position, limit: to - position, decrypt, ...(types ? { types } : {}) }), position, to);
    position = to;
  }
};
