/** Keeping the list in step with the events: one read and one write a batch, whatever its size. */
import { applyToRow, type DelegationRow, type ListedEvent, type Progress } from './delegation-row.js';

/** A query inside the transaction that also moves the projection's checkpoint. */
export type Query = (sql: string, parameters: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

const keyOf = (tenant: string, id: string): string => `${tenant}.${id}`;

type Table = 'rm.delegation' | 'rm.delegation_rebuilt';

/** Folds a batch of events, in order of position, into `table`. Safe to run twice on the same batch. */
export const projectDelegationsInto =
  (table: Table) =>
  (query: Query, events: readonly ListedEvent[]): Promise<void> =>
    project(table, query, events);

export const projectDelegations = projectDelegationsInto('rm.delegation');

const project = async (table: Table, query: Query, events: readonly ListedEvent[]): Promise<void> => {
  const rows = await loadRows(table, query, events);
  const changed = new Map<string, DelegationRow>();
  for (const event of events) {
    const key = keyOf(event.tenant, event.stream.id);
    const before = changed.get(key) ?? rows.get(key) ?? null;
    const after = applyToRow(before, event);
    if (after && after !== before) changed.set(key, after);
  }
  if (changed.size > 0) await saveRows(table, query, [...changed.values()]);
  for (const { type, data } of events) if (type === RETIRED) await query(forget(table), [(data as { to: number }).to]);
};

/** A part of the log was retired: what ended before its line is not listed any more. */
const RETIRED = 'dev.mandate.retention.retired.v1';
const forget = (table: Table): string => `DELETE FROM ${table} WHERE ended_at IS NOT NULL AND position < $1`;

const loadRows = async (table: Table, query: Query, events: readonly ListedEvent[]): Promise<Map<string, DelegationRow>> => {
  const keys = new Map(events.map(({ tenant, stream }) => [keyOf(tenant, stream.id), { tenant, id: stream.id }]));
  if (keys.size === 0) return new Map();
  const wanted = [...keys.values()];
  const found = await query(
    `SELECT d.tenant, d.id, d.state, d.pattern, d.confidence, d.principal, d.created_at, d.ended_at, d.position, d.progress
       FROM unnest($1::text[], $2::text[]) AS wanted(tenant, id) JOIN ${table} d USING (tenant, id)`,
    [wanted.map(({ tenant }) => tenant), wanted.map(({ id }) => id)],
  );
  return new Map(found.map(fromRecord).map((row) => [keyOf(row.tenant, row.id), row]));
};

const fromRecord = (record: Record<string, unknown>): DelegationRow => ({
  tenant: record['tenant'] as string,
  id: record['id'] as string,
  state: record['state'] as DelegationRow['state'],
  pattern: record['pattern'] as DelegationRow['pattern'],
  confidence: record['confidence'] as number | null,
  principal: record['principal'] as string,
  createdAt: (record['created_at'] as Date).getTime(),
  endedAt: (record['ended_at'] as Date | null)?.getTime() ?? null,
  position: Number(record['position']),
  progress: record['progress'] as Progress | null,
});

const upsert = (table: Table): string => `
  INSERT INTO ${table} AS d (tenant, id, state, pattern, confidence, principal, created_at, ended_at, position, progress)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::text[], $7::timestamptz[], $8::timestamptz[], $9::bigint[], $10::jsonb[])
  ON CONFLICT (tenant, id) DO UPDATE
    SET state = excluded.state, pattern = excluded.pattern, confidence = excluded.confidence, ended_at = excluded.ended_at,
        position = excluded.position, progress = excluded.progress
    WHERE d.position < excluded.position`;

const saveRows = async (table: Table, query: Query, rows: readonly DelegationRow[]): Promise<void> => {
  const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  await query(upsert(table), [
    rows.map((row) => row.tenant),
    rows.map((row) => row.id),
    rows.map((row) => row.state),
    rows.map((row) => row.pattern),
    rows.map((row) => row.confidence),
    rows.map((row) => row.principal),
    rows.map((row) => time(row.createdAt)),
    rows.map((row) => time(row.endedAt)),
    rows.map((row) => row.position),
    rows.map((row) => row.progress && JSON.stringify(row.progress)),
  ]);
};
