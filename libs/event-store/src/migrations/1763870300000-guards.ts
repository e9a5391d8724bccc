import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Rows per partition of es.event: about 10 GB. */
const PARTITION_ROWS = 10_000_000;

/** What keeps events as they are: triggers for everyone, also for the owner of the tables, and a role for services that may only append and read. */
export class Guards1763870300000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [IMMUTABLE_EVENTS, EVENT_PARTITIONS, SERVICE_ROLE, RIGHTS]) await runner.query(statement);
    await runner.query('SELECT es.ensure_event_partitions()');
  }

  async down(): Promise<void> {
    throw new Error('an append-only log is not migrated down: restore a backup instead');
  }
}

const IMMUTABLE_EVENTS = `
  CREATE FUNCTION es.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    RAISE EXCEPTION 'events are append-only: % of %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
  END $$;
  CREATE FUNCTION es.guard_events(p_table regclass) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION es.refuse_change()', p_table);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', p_table);
  END $$;
  SELECT es.guard_events('es.event')`;

/** A partition is filled in beside the table and then attached, which does not stop appends. Statement triggers are not inherited. */
const EVENT_PARTITIONS = `
  CREATE FUNCTION es.ensure_event_partitions(p_rows bigint DEFAULT ${PARTITION_ROWS}) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    created integer := 0;
    next_position bigint;
    partition_name text;
  BEGIN
    PERFORM pg_advisory_xact_lock(7365, 2);
    LOOP
      SELECT coalesce(max(p.to_position), 1) INTO next_position FROM es.event_partition p;
      EXIT WHEN next_position > (SELECT l.size FROM es.log l WHERE l.log_id = 1) + p_rows;
      partition_name := 'event_' || next_position;
      EXECUTE format('CREATE TABLE es.%I (LIKE es.event INCLUDING DEFAULTS INCLUDING STORAGE, CHECK (position >= %s AND position < %s)) WITH (toast_tuple_target = 8160)',
                     partition_name, next_position, next_position + p_rows);
      PERFORM es.guard_events(format('es.%I', partition_name)::regclass);
      EXECUTE format('ALTER TABLE es.event ATTACH PARTITION es.%I FOR VALUES FROM (%s) TO (%s)', partition_name, next_position, next_position + p_rows);
      INSERT INTO es.event_partition (name, from_position, to_position) VALUES (partition_name, next_position, next_position + p_rows);
      created := created + 1;
    END LOOP;
    RETURN created;
  END $$`;

/** Roles belong to the whole cluster, so another database, perhaps at this moment, may have made it. */
const SERVICE_ROLE = `
  DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mandate_service') THEN
      CREATE ROLE mandate_service NOLOGIN;
    END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END $$`;

const RIGHTS = `
  REVOKE ALL ON SCHEMA es FROM PUBLIC;
  GRANT USAGE ON SCHEMA es TO mandate_service;
  REVOKE ALL ON ALL FUNCTIONS IN SCHEMA es FROM PUBLIC;
  DO $$
  DECLARE f regprocedure;
  BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'es'::regnamespace AND p.proname IN
      ('append', 'head', 'claim_partitions', 'release_partitions', 'claim_lease', 'release_lease', 'open_log_epoch', 'ensure_event_partitions', 'extend_frontier')
    LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO mandate_service', f);
    END LOOP;
  END $$;
  GRANT SELECT ON es.log, es.event, es.event_type, es.stream, es.idempotency, es.slot, es.waiting, es.lease_owner, es.partition_owner, es.partition_member TO mandate_service;
  GRANT SELECT, INSERT ON es.subject_key, es.dead_letter TO mandate_service;
  GRANT SELECT, INSERT, UPDATE, DELETE ON es.checkpoint, es.snapshot TO mandate_service`;
