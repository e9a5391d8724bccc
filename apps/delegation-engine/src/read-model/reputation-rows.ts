/** Keeping what attempts say about workers in step with the events: a few statements a batch, whatever its size. */
import type { OpenAttempt } from '@mandate/delegation';
import type { Standing } from '@mandate/scheduling';
import type { ListedEvent } from './delegation-row.js';
import type { Query } from './delegation-rows.js';
import { AttemptFold, foldOutcomes, standingKey, type AttemptRow, type StandingRow } from './reputation-fold.js';

interface Tables {
  reputation: string;
  attempt: string;
  setting: string;
}

const tables = (suffix: '' | '_rebuilt'): Tables => ({
  reputation: `rm.worker_reputation${suffix}`,
  attempt: `rm.worker_attempt${suffix}`,
  setting: `rm.reputation_setting${suffix}`,
});

/** Folds a batch of events, in order of position. Safe to run twice on the same batch. */
export const projectReputationInto =
  (suffix: '' | '_rebuilt') =>
  async (query: Query, events: readonly ListedEvent[]): Promise<void> => {
    const { reputation, attempt, setting } = tables(suffix);
    const settings = await query(`SELECT tenant, half_life_ms FROM ${setting}`, []);
    const halfLives = new Map(settings.map((row) => [row['tenant'] as string, row['half_life_ms'] as number]));
    const before = new Map(halfLives);
    const fold = new AttemptFold(await loadAttempts(attempt, query, events), halfLives);
    for (const event of events) fold.apply(event);
    const { open, closed } = fold.result();
    const standings = foldOutcomes(await loadStandings(reputation, query, fold), fold.outcomes);
    if (standings.length > 0) await saveStandings(reputation, query, standings);
    if (closed.length > 0) await deleteAttempts(attempt, query, closed);
    if (open.length > 0) await saveAttempts(attempt, query, open);
    for (const [tenant, halfLife] of halfLives)
      if (before.get(tenant) !== halfLife)
        await query(`INSERT INTO ${setting} VALUES ($1, $2) ON CONFLICT (tenant) DO UPDATE SET half_life_ms = excluded.half_life_ms`, [
          tenant,
          halfLife,
        ]);
  };

export const projectReputation = projectReputationInto('');

const loadAttempts = async (table: string, query: Query, events: readonly ListedEvent[]): Promise<AttemptRow[]> => {
  const ids = new Map(events.map(({ tenant, stream }) => [`${tenant}.${stream.id}`, { tenant, id: stream.id }]));
  const wanted = [...ids.values()];
  const found = await query(
    `SELECT a.tenant, a.delegation_id, a.step_id, a.attempt
       FROM unnest($1::text[], $2::text[]) AS wanted(tenant, delegation_id) JOIN ${table} a USING (tenant, delegation_id)`,
    [wanted.map(({ tenant }) => tenant), wanted.map(({ id }) => id)],
  );
  return found.map((row) => ({
    tenant: row['tenant'] as string,
    delegationId: row['delegation_id'] as string,
    stepId: row['step_id'] as string,
    attempt: row['attempt'] as OpenAttempt,
  }));
};

const loadStandings = async (table: string, query: Query, { outcomes }: AttemptFold): Promise<StandingRow[]> => {
  const wanted = [
    ...new Map(
      outcomes.map(({ tenant, outcome: { instance, capability } }) => {
        const row = { tenant, instance, capability };
        return [standingKey(row), row];
      }),
    ).values(),
  ];
  if (wanted.length === 0) return [];
  const found = await query(
    `SELECT r.* FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted(tenant, instance, capability)
       JOIN ${table} r USING (tenant, instance, capability)`,
    [wanted.map(({ tenant }) => tenant), wanted.map(({ instance }) => instance), wanted.map(({ capability }) => capability)],
  );
  return found.map(standingRow);
};

export const standingRow = (row: Readonly<Record<string, unknown>>): StandingRow => ({
  tenant: row['tenant'] as string,
  instance: row['instance'] as string,
  capability: row['capability'] as string,
  standing: row['standing'] as Standing,
  position: Number(row['position']),
});

const saveStandings = async (table: string, query: Query, rows: readonly StandingRow[]): Promise<void> => {
  await query(
    `INSERT INTO ${table} (tenant, instance, capability, standing, position)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::bigint[])
     ON CONFLICT (tenant, instance, capability) DO UPDATE SET standing = excluded.standing, position = excluded.position`,
    [
      rows.map(({ tenant }) => tenant),
      rows.map(({ instance }) => instance),
      rows.map(({ capability }) => capability),
      rows.map(({ standing }) => JSON.stringify(standing)),
      rows.map(({ position }) => position),
    ],
  );
};

const deleteAttempts = async (table: string, query: Query, rows: readonly Omit<AttemptRow, 'attempt'>[]): Promise<void> => {
  await query(
    `DELETE FROM ${table} a USING unnest($1::text[], $2::text[], $3::text[]) AS gone(tenant, delegation_id, step_id)
      WHERE a.tenant = gone.tenant AND a.delegation_id = gone.delegation_id AND a.step_id = gone.step_id`,
    [rows.map(({ tenant }) => tenant), rows.map(({ delegationId }) => delegationId), rows.map(({ stepId }) => stepId)],
  );
};

const saveAttempts = async (table: string, query: Query, rows: readonly AttemptRow[]): Promise<void> => {
  await query(
    `INSERT INTO ${table} (tenant, delegation_id, step_id, attempt) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[])
     ON CONFLICT (tenant, delegation_id, step_id) DO UPDATE SET attempt = excluded.attempt`,
    [
      rows.map(({ tenant }) => tenant),
      rows.map(({ delegationId }) => delegationId),
      rows.map(({ stepId }) => stepId),
      rows.map(({ attempt }) => JSON.stringify(attempt)),
    ],
  );
};
