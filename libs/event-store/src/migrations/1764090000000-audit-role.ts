import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The role in which the audit service works: it appends its own events and reads the log; what else it may do, later migrations say. */
export class AuditRole1764090000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [ROLE, RIGHTS]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('an append-only log is not migrated down: restore a backup instead');
  }
}

/** Roles belong to the whole cluster, so another database, perhaps at this moment, may have made it. */
const ROLE = `
  DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mandate_audit') THEN
      CREATE ROLE mandate_audit NOLOGIN;
    END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END $$`;

const RIGHTS = `
  GRANT USAGE ON SCHEMA es TO mandate_audit;
  DO $$
  DECLARE f regprocedure;
  BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'es'::regnamespace AND p.proname IN ('append', 'head', 'claim_lease', 'release_lease')
    LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO mandate_audit', f);
    END LOOP;
  END $$;
  GRANT SELECT ON es.log, es.event, es.event_type, es.event_partition, es.stream, es.subject_key, es.lease_owner, es.checkpoint TO mandate_audit`;
