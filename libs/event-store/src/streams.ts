/** The state beside the log that appends keep: streams, timers, slots, waiting steps, requests. */
import type { Database, Row } from './database.js';
import type { SlotAcquisition, StreamId, WaitingStep, WaitReason } from './types.js';

export interface StreamRow {
  tenant: string;
  stream: StreamId;
  partition: number | null;
  version: number;
  firstPosition: number;
  lastPosition: number;
  open: boolean;
  wakeAt: Date | null;
  requestDigest: Buffer | null;
}

export interface HeldSlot extends SlotAcquisition {
  tenant: string;
  key: string | null;
  delegationId: string;
  partition: number | null;
}

export interface WaitingRow extends WaitingStep {
  tenant: string;
  delegationId: string;
  /** Among equally urgent ones, who came first. */
  rank: number;
  key: string | null;
  since: Date;
  reason: WaitReason;
  substitutable: boolean;
}

export interface RegisteredRequest {
  digest: Buffer;
  stream: StreamId;
}

const COLUMNS = 'tenant, type, id, partition, version, first_position, last_position, open, wake_at, request_digest';
const FIND = { name: 'es_find_stream', text: `SELECT ${COLUMNS} FROM es.stream WHERE id = $1 AND tenant = $2 AND type = $3` };
const OPEN = {
  name: 'es_open_streams',
  text: `SELECT ${COLUMNS} FROM es.stream WHERE open AND partition = ANY ($1::smallint[]) AND id > $2 ORDER BY id LIMIT $3`,
};
const OF_TYPE = {
  name: 'es_streams_of_type',
  text: `SELECT ${COLUMNS} FROM es.stream WHERE type = $1 AND type <> 'delegation' AND (tenant, id) > ($2, $3) ORDER BY tenant, id LIMIT $4`,
};
const LAST_OF_TYPE = {
  name: 'es_last_of_type',
  text: "SELECT coalesce(max(last_position), 0) AS position FROM es.stream WHERE type = $1 AND type <> 'delegation' AND tenant = $2",
};
const DUE = {
  name: 'es_due_timers',
  text: `SELECT ${COLUMNS} FROM es.stream WHERE open AND partition = ANY ($1::smallint[]) AND wake_at <= $2 ORDER BY wake_at LIMIT $3`,
};
/** Schedules belong to no partition. */
const DUE_SCHEDULES = {
  name: 'es_due_schedules',
  text: `SELECT ${COLUMNS} FROM es.stream WHERE open AND type = 'schedule' AND wake_at <= $1 ORDER BY wake_at LIMIT $2`,
};
const SLOTS = {
  name: 'es_slots',
  text: `SELECT tenant, delegation_id, step_id, attempt, lease, instance, capability, key, partition FROM es.slot
          WHERE ($1::text IS NULL OR instance = $1) AND ($2::smallint IS NULL OR partition = $2)`,
};
const WAITING = 'tenant, capability, urgency, rank, delegation_id, step_id, attempt, key, since, reason, substitutable';
/** Without retries the same from indexes that have none: however many of them stand in front, they are not gone through. */
const NO_RETRIES = "AND reason <> 'retry'";
const waitingHeadOf = (name: string, which: string): { name: string; text: string } => ({
  name,
  text: `SELECT ${WAITING} FROM es.waiting WHERE tenant = $1 AND capability = $2 ${which} AND (urgency, rank) > ($4, $5) ORDER BY urgency, rank LIMIT $3`,
});
const WAITING_HEAD = { all: waitingHeadOf('es_waiting_head', ''), fresh: waitingHeadOf('es_waiting_head_fresh', NO_RETRIES) };
/** The first step of each key, in the order of the keys: one index probe a key, however many steps wait under it. */
const waitingKeyHeadsOf = (name: string, which: string): { name: string; text: string } => ({
  name,
  text: `WITH RECURSIVE heads AS (
           (SELECT ${WAITING} FROM es.waiting WHERE tenant = $1 AND capability = $2 ${which} AND key > $4 ORDER BY key, urgency, rank LIMIT 1)
           UNION ALL
           SELECT next.* FROM heads h, LATERAL
             (SELECT ${WAITING} FROM es.waiting w WHERE w.tenant = $1 AND w.capability = $2 ${which} AND w.key > h.key ORDER BY w.key, w.urgency, w.rank LIMIT 1) next)
         SELECT * FROM heads LIMIT $3`,
});
const WAITING_KEY_HEADS = {
  all: waitingKeyHeadsOf('es_waiting_key_heads', ''),
  fresh: waitingKeyHeadsOf('es_waiting_key_heads_fresh', NO_RETRIES),
};
const waitingKeylessOf = (name: string, which: string): { name: string; text: string } => ({
  name,
  text: `SELECT ${WAITING} FROM es.waiting WHERE tenant = $1 AND capability = $2 ${which} AND key IS NULL ORDER BY urgency, rank LIMIT 1`,
});
const WAITING_KEYLESS = {
  all: waitingKeylessOf('es_waiting_keyless', ''),
  fresh: waitingKeylessOf('es_waiting_keyless_fresh', NO_RETRIES),
};
const WAITING_STEP = {
  name: 'es_waiting_step',
  text: `SELECT ${WAITING} FROM es.waiting WHERE delegation_id = $1 AND tenant = $2`,
};
/** Counted up to a thousand: who is behind so many is told so. */
const WAITING_BEFORE = {
  name: 'es_waiting_before',
  text: `SELECT count(*) AS before FROM (SELECT FROM es.waiting WHERE tenant = $1 AND capability = $2 AND (urgency, rank) < ($3, $4) LIMIT 1000) ahead`,
};
const WAITING_OF = { name: 'es_waiting_of', text: 'SELECT step_id FROM es.waiting WHERE delegation_id = $1 AND tenant = $2' };
/** One index probe a (tenant, capability), however many steps wait. */
const WAITING_KEYS = {
  name: 'es_waiting_keys',
  text: `WITH RECURSIVE keys AS (
           (SELECT tenant, capability FROM es.waiting ORDER BY tenant, capability LIMIT 1)
           UNION ALL
           SELECT next.* FROM keys k, LATERAL
             (SELECT w.tenant, w.capability FROM es.waiting w WHERE (w.tenant, w.capability) > (k.tenant, k.capability) ORDER BY w.tenant, w.capability LIMIT 1) next)
         SELECT tenant, capability FROM keys`,
};
const REQUEST = {
  name: 'es_request',
  text: 'SELECT request_digest, stream_type, stream_id FROM es.idempotency WHERE key = $1 AND principal = $2 AND tenant = $3',
};

export const findStream = async (database: Database, tenant: string, { type, id }: StreamId): Promise<StreamRow | null> => {
  const [row] = await database.query(FIND, [id, tenant, type]);
  return row ? streamRow(row) : null;
};

/** In order of id; `after` is the last id of the page before. */
export const openStreams = async (database: Database, partitions: readonly number[], limit: number, after = ''): Promise<StreamRow[]> =>
  (await database.query(OPEN, [partitions, after, limit])).map(streamRow);

/** In order of tenant and id, behind those of `after`. Not for delegations: nobody reads all of those. */
export const streamsOfType = async (
  database: Database,
  type: string,
  limit: number,
  after: { tenant: string; id: string } = { tenant: '', id: '' },
): Promise<StreamRow[]> => (await database.query(OF_TYPE, [type, after.tenant, after.id, limit])).map(streamRow);

/** Position of the last event in a tenant's streams of a type; 0 = none. Not for delegations. */
export const lastOfType = async (database: Database, tenant: string, type: string): Promise<number> =>
  Number((await database.query(LAST_OF_TYPE, [type, tenant]))[0]?.['position']);

export const dueTimers = async (database: Database, partitions: readonly number[], now: Date, limit: number): Promise<StreamRow[]> =>
  (await database.query(DUE, [partitions, now, limit])).map(streamRow);

export const dueSchedules = async (database: Database, now: Date, limit: number): Promise<StreamRow[]> =>
  (await database.query(DUE_SCHEDULES, [now, limit])).map(streamRow);

export const slots = async (database: Database, filter: { instance?: string; partition?: number } = {}): Promise<HeldSlot[]> =>
  (await database.query(SLOTS, [filter.instance ?? null, filter.partition ?? null])).map((row) => ({
    tenant: row['tenant'] as string,
    delegationId: row['delegation_id'] as string,
    stepId: row['step_id'] as string,
    attempt: row['attempt'] as number,
    lease: row['lease'] as number,
    instance: row['instance'] as string,
    capability: row['capability'] as string,
    key: row['key'] as string | null,
    partition: row['partition'] as number | null,
  }));

/** `fresh`: without those who wait to be tried again after a failure. */
export type WhichWaiting = 'all' | 'fresh';

/** Most urgent first, behind `after`. */
export const waitingHead = async (
  database: Database,
  tenant: string,
  capability: string,
  limit: number,
  after: { urgency: number; rank: number } = { urgency: Number.MIN_SAFE_INTEGER, rank: 0 },
  which: WhichWaiting = 'all',
): Promise<WaitingRow[]> =>
  (await database.query(WAITING_HEAD[which], [tenant, capability, limit, after.urgency, after.rank])).map(waitingRow);

/** The most urgent step of each of up to `limit` keys, and of those without a key. */
export const waitingKeyHeads = async (
  database: Database,
  tenant: string,
  capability: string,
  limit: number,
  which: WhichWaiting = 'all',
): Promise<WaitingRow[]> => {
  const [keyed, keyless] = await Promise.all([
    database.query(WAITING_KEY_HEADS[which], [tenant, capability, limit, '']),
    database.query(WAITING_KEYLESS[which], [tenant, capability]),
  ]);
  return [...keyed, ...keyless].map(waitingRow).sort((a, b) => a.urgency - b.urgency || a.rank - b.rank);
};

/** The steps of a delegation that wait for a slot. */
export const waitingSteps = async (database: Database, tenant: string, delegationId: string): Promise<WaitingRow[]> =>
  (await database.query(WAITING_STEP, [delegationId, tenant])).map(waitingRow);

/** How many of its capability stand before it, up to a thousand. */
export const waitingBefore = async (database: Database, { tenant, capability, urgency, rank }: WaitingRow): Promise<number> => {
  const [row] = await database.query(WAITING_BEFORE, [tenant, capability, urgency, rank]);
  return Number(row?.['before'] ?? 0);
};

const waitingRow = (row: Row): WaitingRow => ({
  tenant: row['tenant'] as string,
  capability: row['capability'] as string,
  urgency: Number(row['urgency']),
  rank: Number(row['rank']),
  delegationId: row['delegation_id'] as string,
  stepId: row['step_id'] as string,
  attempt: row['attempt'] as number,
  key: row['key'] as string | null,
  since: row['since'] as Date,
  reason: row['reason'] as WaitReason,
  substitutable: row['substitutable'] as boolean,
});

export const waitingOf = async (database: Database, tenant: string, { id }: StreamId): Promise<string[]> =>
  (await database.query(WAITING_OF, [id, tenant])).map((row) => row['step_id'] as string);

export const waitingKeys = async (database: Database): Promise<{ tenant: string; capability: string }[]> =>
  (await database.query(WAITING_KEYS)).map((row) => ({ tenant: row['tenant'] as string, capability: row['capability'] as string }));

export const findRequest = async (
  database: Database,
  tenant: string,
  principal: string,
  key: string,
): Promise<RegisteredRequest | null> => {
  const [row] = await database.query(REQUEST, [key, principal, tenant]);
  return row
    ? { digest: row['request_digest'] as Buffer, stream: { type: row['stream_type'] as string, id: row['stream_id'] as string } }
    : null;
};

const streamRow = (row: Row): StreamRow => ({
  tenant: row['tenant'] as string,
  stream: { type: row['type'] as string, id: row['id'] as string },
  partition: row['partition'] as number | null,
  version: Number(row['version']),
  firstPosition: Number(row['first_position']),
  lastPosition: Number(row['last_position']),
  open: row['open'] as boolean,
  wakeAt: row['wake_at'] as Date | null,
  requestDigest: row['request_digest'] as Buffer | null,
});
