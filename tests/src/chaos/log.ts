/** The event store's tables as they lie there, read without the engine, and the bus beside them. */
import { extendFrontier, leafHash, type Envelope } from '@mandate/event-store';
import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type pg from 'pg';

export interface LoggedEvent {
  position: number;
  id: string;
  stream: string;
  version: number;
  /** `stepsucceeded`. */
  type: string;
  stepId: string | undefined;
  recordedAt: number;
}

export interface Log {
  events: LoggedEvent[];
  /** The head row's. */
  size: number;
  frontier: Buffer;
  /** Recomputed from what is stored. */
  recomputed: Buffer;
  /** Positions whose leaf hash is not that of the stored bytes. */
  forged: number[];
}

const PAGE = 2_000;

interface Row {
  position: string;
  recorded_at: Date;
  canonical: Buffer;
  leaf_hash: Buffer;
}

/** As it is at one moment: the services go on recording what they do by themselves. */
export const readLog = async (database: pg.Client): Promise<Log> => {
  await database.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    return await readSnapshot(database);
  } finally {
    await database.query('COMMIT');
  }
};

const readSnapshot = async (database: pg.Client): Promise<Log> => {
  const head = await database.query<{ size: string; frontier: Buffer }>('SELECT size, frontier FROM es.log');
  const { size, frontier } = head.rows[0] as { size: string; frontier: Buffer };
  const log: Log = { events: [], size: Number(size), frontier, recomputed: Buffer.alloc(0), forged: [] };
  for (let after = 0; ;) {
    const { rows } = await database.query<Row>(
      `SELECT position, recorded_at, canonical, leaf_hash FROM es.event WHERE position > $1 ORDER BY position LIMIT ${PAGE}`,
      [after],
    );
    for (const row of rows) take(log, row);
    if (rows.length < PAGE) return log;
    after = Number(rows.at(-1)?.position);
  }
};

const take = (log: Log, row: Row): void => {
  const position = Number(row.position);
  if (!leafHash(row.canonical).equals(row.leaf_hash)) log.forged.push(position);
  log.recomputed = extendFrontier(log.events.length, log.recomputed, row.leaf_hash);
  const { id, tenant, stream, version, type, data } = JSON.parse(row.canonical.toString()) as Envelope;
  log.events.push({
    position,
    id,
    stream: `${tenant}/${stream.type}/${stream.id}`,
    version,
    type: type.split('.')[3] ?? '',
    stepId: typeof data['stepId'] === 'string' ? data['stepId'] : undefined,
    recordedAt: row.recorded_at.getTime(),
  });
};

export interface BusEvent {
  id: string;
  position: number;
  stream: string;
}

/** Everything that lies on MANDATE_EVENTS, in its order, repetitions included. */
export const readBus = async (connection: NatsConnection): Promise<BusEvent[]> => {
  const events: BusEvent[] = [];
  const consumer = await jetstream(connection).consumers.get('MANDATE_EVENTS', { deliver_policy: DeliverPolicy.All });
  const { num_pending: pending } = await consumer.info();
  if (pending === 0) return events;
  const messages = await consumer.consume();
  for await (const message of messages) {
    const [, , tenant, , aggregate, id] = message.subject.split('.');
    const { headers } = message;
    events.push({ id: headers?.get('ce-id') ?? '', position: Number(headers?.get('ce-sequence')), stream: `${tenant}/${aggregate}/${id}` });
    if (message.info.pending === 0) break;
  }
  await messages.close();
  return events;
};
