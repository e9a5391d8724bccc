import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Waiting steps say why they are asked for, and whether a substitute may take them. Retries can be held back while others go on, so those others have
 * indexes of their own.
 */
const COLUMNS = `
  ALTER TABLE es.waiting
    ADD COLUMN reason text COLLATE "C" NOT NULL DEFAULT 'first',
    ADD COLUMN substitutable boolean NOT NULL DEFAULT false;
  CREATE INDEX waiting_head_fresh ON es.waiting (tenant, capability, urgency, rank) WHERE reason <> 'retry';
  CREATE INDEX waiting_key_fresh ON es.waiting (tenant, capability, key, urgency, rank) WHERE reason <> 'retry'`;

/** As before, with the two columns. */
const APPLY_WAITING = `
  CREATE OR REPLACE FUNCTION es.apply_waiting(p_now timestamptz, p_codes text[], p_waiting jsonb) RETURNS void
  LANGUAGE plpgsql AS $$
  BEGIN
    DELETE FROM es.waiting w USING jsonb_to_recordset(p_waiting -> 'remove') AS r(n integer, tenant text, id text, step text)
     WHERE w.delegation_id = r.id AND w.step_id = r.step AND w.tenant = r.tenant AND p_codes[r.n] IS NULL;
    INSERT INTO es.waiting (tenant, delegation_id, step_id, attempt, capability, key, urgency, since, reason, substitutable)
    SELECT d.tenant, d.id, d.step, d.attempt, d.capability, d.key, d.urgency, p_now, coalesce(d.reason, 'first'), coalesce(d.substitutable, false) FROM (
      SELECT DISTINCT ON (a.id, a.step, a.tenant) a.*
        FROM jsonb_to_recordset(p_waiting -> 'add')
          AS a(n integer, tenant text, id text, step text, attempt integer, capability text, key text, urgency bigint, reason text, substitutable boolean)
       WHERE p_codes[a.n] IS NULL AND NOT EXISTS (
         SELECT FROM jsonb_to_recordset(p_waiting -> 'remove') AS r(n integer, tenant text, id text, step text)
          WHERE p_codes[r.n] IS NULL AND r.n > a.n AND r.id = a.id AND r.step = a.step AND r.tenant = a.tenant)
       ORDER BY a.id, a.step, a.tenant, a.n DESC) d
     ORDER BY d.n
    ON CONFLICT (delegation_id, step_id, tenant) DO UPDATE
      SET attempt = excluded.attempt, capability = excluded.capability, key = excluded.key, urgency = excluded.urgency,
          reason = excluded.reason, substitutable = excluded.substitutable;
  END $$`;

export class WaitingReasons1764417600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(COLUMNS);
    await runner.query(APPLY_WAITING);
  }

  async down(): Promise<void> {
    throw new Error('an append-only log is not migrated down: restore a backup instead');
  }
}
