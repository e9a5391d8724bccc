import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Old partitions make room for what of them is not over yet; hashes stay in the tiles, events in the archive. */
export class Retention1764100800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [RETIRED, RETIRE, REMOVE_DEAD_LETTERS, RIGHTS]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('an append-only log is not migrated down: restore a backup instead');
  }
}

const RETIRED = `
  ALTER TABLE es.event_partition ADD COLUMN retired_at timestamptz;
  COMMENT ON COLUMN es.event_partition.retired_at IS 'Since then it holds only events of what was not over.'`;

/**
 * Puts a table with the events of live streams in the place of the partition that begins at p_from, and drops that. Live: not a delegation, still open, or
 * with events from p_line on. The keys of the others go too. It waits three seconds at most for readers: whoever waits behind it waits as long.
 */
const RETIRE = `
  CREATE FUNCTION es.retire_partition(p_from bigint, p_line bigint, OUT events bigint, OUT kept bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '3s' AS $$
  DECLARE
    old es.event_partition;
    kept_name text;
  BEGIN
    PERFORM pg_advisory_xact_lock(7365, 2);
    SELECT * INTO STRICT old FROM es.event_partition p WHERE p.from_position = p_from;
    IF p_line < old.to_position OR p_line > (SELECT l.size + 1 FROM es.log l WHERE l.log_id = 1) THEN
      RAISE EXCEPTION 'partition % ends at %, the line % must lie between that and the end of the log', old.name, old.to_position, p_line USING ERRCODE = 'invalid_parameter_value';
    END IF;
    kept_name := format('event_%s_kept_%s', old.from_position, p_line);
    EXECUTE format('CREATE TABLE es.%I (LIKE es.event INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING INDEXES, CHECK (position >= %s AND position < %s)) WITH (toast_tuple_target = 8160)',
                   kept_name, old.from_position, old.to_position);
    EXECUTE format('INSERT INTO es.%I SELECT e.* FROM es.%I e JOIN es.stream s ON s.id = e.stream_id AND s.tenant = e.tenant AND s.type = e.stream_type
                     WHERE s.type <> ''delegation'' OR s.open OR s.last_position >= $1', kept_name, old.name) USING p_line;
    GET DIAGNOSTICS kept = ROW_COUNT;
    EXECUTE format('UPDATE es.stream s SET data_key = NULL FROM (SELECT DISTINCT e.stream_id, e.tenant FROM es.%I e WHERE e.stream_type = ''delegation'') gone
                     WHERE s.id = gone.stream_id AND s.tenant = gone.tenant AND s.type = ''delegation'' AND s.data_key IS NOT NULL AND NOT s.open AND s.last_position < $1',
                   old.name) USING p_line;
    EXECUTE format('SELECT count(*) FROM es.%I', old.name) INTO events;
    PERFORM es.guard_events(format('es.%I', kept_name)::regclass);
    EXECUTE format('ALTER TABLE es.event DETACH PARTITION es.%I', old.name);
    EXECUTE format('ALTER TABLE es.event ATTACH PARTITION es.%I FOR VALUES FROM (%s) TO (%s)', kept_name, old.from_position, old.to_position);
    EXECUTE format('DROP TABLE es.%I', old.name);
    UPDATE es.event_partition p SET name = kept_name, retired_at = coalesce(p.retired_at, clock_timestamp()) WHERE p.from_position = p_from;
  END $$`;

const REMOVE_DEAD_LETTERS = `
  CREATE FUNCTION es.remove_dead_letters_before(p_time timestamptz) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    removed integer;
  BEGIN
    DELETE FROM es.dead_letter d WHERE d.parked_at < p_time;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
  END $$`;

const RIGHTS = `
  REVOKE ALL ON FUNCTION es.retire_partition, es.remove_dead_letters_before FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION es.retire_partition, es.remove_dead_letters_before TO mandate_audit`;
