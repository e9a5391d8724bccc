import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Dead letters that can be found by what they are about, and that are done with one day: redriven or discarded. */
export class DeadLetterFate1764097200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [COLUMNS, INDEX, SETTLE, RIGHTS]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('an append-only log is not migrated down: restore a backup instead');
  }
}

const COLUMNS = `
  ALTER TABLE es.dead_letter
    ADD COLUMN kind text COLLATE "C" NOT NULL DEFAULT 'message',
    ADD COLUMN delegation_id text COLLATE "C",
    ADD COLUMN capability text COLLATE "C",
    ADD COLUMN attempts integer NOT NULL DEFAULT 1,
    ADD COLUMN fate text COLLATE "C" NOT NULL DEFAULT 'parked' CHECK (fate IN ('parked', 'redriven', 'discarded')),
    ADD COLUMN settled_at timestamptz`;

/** What somebody still has to decide on. */
const INDEX = `CREATE INDEX dead_letter_parked ON es.dead_letter (tenant, dead_letter_id) WHERE fate = 'parked'`;

/** The only change that a service may make to one; what is discarded cannot be read any more. */
const SETTLE = `
  CREATE FUNCTION es.settle_dead_letter(p_tenant text, p_id text, p_fate text) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    UPDATE es.dead_letter d
       SET fate = p_fate, settled_at = clock_timestamp(), payload = CASE WHEN p_fate = 'discarded' THEN '' ELSE d.payload END
     WHERE d.tenant = p_tenant AND d.dead_letter_id = p_id AND d.fate = 'parked';
    RETURN FOUND;
  END $$`;

const RIGHTS = `
  REVOKE ALL ON FUNCTION es.settle_dead_letter FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION es.settle_dead_letter TO mandate_service`;
