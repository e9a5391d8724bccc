import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * `es.append` with less processor time a call: it asks only whether anything is refused, or lets the writing find out, and goes the long way
 * of before when something is. A replaced function keeps its rights.
 */
export class CheaperAppend1764378000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const [{ server_version_num: version }] = (await runner.query('SHOW server_version_num')) as [{ server_version_num: string }];
    const append = APPEND.replace('/* head */', Number(version) >= RETURNS_OLD_ROWS ? MOVE_HEAD : LOCK_AND_MOVE_HEAD);
    for (const statement of [EXTEND_FRONTIER, append, UNCHECKED_PARTITIONS, PARTITIONS_AHEAD]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('an append-only log is not migrated down: restore a backup instead');
  }
}

/** RFC 6962 section 2.1, as a compact range. A loop: starting a query for every level costs more than hashing it. */
const EXTEND_FRONTIER = `
  CREATE OR REPLACE FUNCTION es.extend_frontier(p_size bigint, p_frontier bytea, p_leaves bytea) RETURNS bytea
  LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    size bigint := p_size;
    rest bytea := p_frontier;
    nodes bytea := p_leaves;
    above bytea;
    extended bytea := '';
    n integer;
  BEGIN
    WHILE nodes <> '' LOOP
      IF size & 1 = 1 THEN
        nodes := substring(rest FROM 1 FOR 32) || nodes;
        rest := substring(rest FROM 33);
      END IF;
      n := length(nodes) / 32;
      IF n & 1 = 1 THEN
        extended := extended || substring(nodes FROM n * 32 - 31);
      END IF;
      above := '';
      FOR i IN 0 .. n / 2 - 1 LOOP
        above := above || sha256('\\x01'::bytea || substring(nodes FROM 64 * i + 1 FOR 64));
      END LOOP;
      nodes := above;
      size := size >> 1;
    END LOOP;
    RETURN extended || rest;
  END $$`;

/** PostgreSQL 18 tells in an UPDATE what was there before. */
const RETURNS_OLD_ROWS = 180_000;
const MOVE_HEAD = `
      UPDATE es.log l SET size = l.size + length(leaves) / 32, frontier = es.extend_frontier(l.size, l.frontier, leaves) WHERE l.log_id = p_log
      RETURNING old.size, old.frontier INTO STRICT size_before, frontier_before;`;
const LOCK_AND_MOVE_HEAD = `
      SELECT l.size, l.frontier INTO STRICT size_before, frontier_before FROM es.log l WHERE l.log_id = p_log FOR UPDATE;
      UPDATE es.log l SET size = size_before + length(leaves) / 32, frontier = es.extend_frontier(size_before, frontier_before, leaves) WHERE l.log_id = p_log;`;

/**
 * Parameters and result as before (1763870100000-append.ts). A stream that begins is checked by the primary keys of its row and of its idempotency key:
 * a violation undoes both. Of all else one query asks whether any is refused. Only then es.check_entries says which, and why. The statement that locks the
 * head moves it, too, by all of the call's events; where some are refused it is set again.
 */
const APPEND = `
  CREATE OR REPLACE FUNCTION es.append(
    p_log smallint, p_now timestamptz,
    e_tenant text[], e_type text[], e_id text[], e_expected bigint[], e_count integer[], e_root integer[], e_next integer[], e_offset integer[],
    e_partition smallint[], e_epoch bigint[], e_scheduler bigint[], e_open boolean[], e_set_wake boolean[], e_wake timestamptz[],
    e_digest bytea[], e_principal text[], e_key text[], e_data_key bytea[], e_new_key boolean[],
    v_entry integer[], v_type text[], v_schema integer[], v_start integer[], p_canonical bytea,
    p_slots jsonb, p_waiting jsonb, p_types jsonb,
    OUT size_before bigint, OUT recorded timestamptz, OUT rejected jsonb
  ) LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
  DECLARE
    entries CONSTANT integer := cardinality(e_id);
    frontier_before bytea;
    leaves bytea := '';
    scheduling bigint;
    epochs bigint[];
    refused boolean := false;
    codes text[];
    positions integer[] := e_offset;
  BEGIN
    FOR i IN 1 .. cardinality(v_entry) LOOP
      leaves := leaves || sha256('\\x00'::bytea || substring(p_canonical FROM v_start[i] FOR v_start[i + 1] - v_start[i]));
    END LOOP;
    IF leaves = '' THEN
      SELECT l.size, l.frontier INTO STRICT size_before, frontier_before FROM es.log l WHERE l.log_id = p_log FOR UPDATE;
    ELSE /* head */
    END IF;
    recorded := date_trunc('milliseconds', clock_timestamp());
    -- Every statement from here on has a snapshot taken under the lock.
    IF 0 <> ANY (e_expected) OR 0 = ANY (e_count) OR e_epoch IS NOT NULL OR e_scheduler IS NOT NULL OR e_data_key IS NOT NULL THEN
      IF e_scheduler IS NOT NULL THEN
        SELECT l.epoch INTO scheduling FROM es.lease_owner l WHERE l.name = 'scheduler';
      END IF;
      IF e_epoch IS NOT NULL THEN
        SELECT array_agg(o.epoch ORDER BY o.partition) INTO epochs FROM es.partition_owner o;
      END IF;
      -- What es.check_entries refuses, but for taken idempotency keys.
      PERFORM FROM generate_series(1, entries) n
         LEFT JOIN es.stream s ON s.id = e_id[n] AND s.tenant = e_tenant[n] AND s.type = e_type[n]
        WHERE e_epoch[n] IS DISTINCT FROM epochs[e_partition[n] + 1] AND e_epoch[n] IS NOT NULL
           OR e_scheduler[n] IS DISTINCT FROM scheduling AND e_scheduler[n] IS NOT NULL
           OR e_digest[n] IS NOT NULL AND s.version IS NOT NULL
           OR coalesce(e_root[n], n) = n AND (
                CASE e_expected[n] WHEN -2 THEN false WHEN -1 THEN s.version IS NULL ELSE coalesce(s.version, 0) <> e_expected[n] END
                OR CASE WHEN e_new_key[n] THEN s.data_key IS NOT NULL ELSE e_data_key[n] IS NOT NULL AND s.data_key IS DISTINCT FROM e_data_key[n] END);
      refused := FOUND;
    END IF;
    IF NOT refused AND (0 = ANY (e_expected) OR e_key IS NOT NULL) THEN
      BEGIN
        INSERT INTO es.stream (log_id, tenant, type, id, partition, version, first_position, last_position, open, wake_at, request_digest, data_key)
        SELECT p_log, e_tenant[n], e_type[n], e_id[n], e_partition[n], e_expected[n] + e_count[n],
               size_before + e_offset[coalesce(e_root[n], n)] + 1, size_before + e_offset[n] + e_count[n],
               coalesce(e_open[n], false), e_wake[n], e_digest[coalesce(e_root[n], n)], e_data_key[n]
          FROM generate_series(1, entries) n
         WHERE e_next[n] IS NULL AND e_expected[coalesce(e_root[n], n)] = 0 AND e_expected[n] + e_count[n] > 0;
        IF e_key IS NOT NULL THEN
          INSERT INTO es.idempotency (tenant, principal, key, request_digest, stream_type, stream_id)
          SELECT e_tenant[n], e_principal[n], e_key[n], e_digest[n], e_type[n], e_id[n] FROM generate_series(1, entries) n WHERE e_key[n] IS NOT NULL;
        END IF;
      EXCEPTION WHEN unique_violation THEN
        refused := true;
      END;
    END IF;
    IF refused THEN
      codes := es.check_entries(e_tenant, e_type, e_id, e_expected, e_root, e_partition, e_epoch, e_scheduler, e_digest, e_principal, e_key, e_data_key, e_new_key);
      SELECT array_agg(x.before ORDER BY x.n) INTO positions FROM (
        SELECT c.n, (coalesce(sum(c.count) FILTER (WHERE c.code IS NULL) OVER (ORDER BY c.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))::integer AS before
          FROM unnest(codes, e_count) WITH ORDINALITY AS c(code, count, n)) x;
      SELECT coalesce(string_agg(substring(leaves FROM 32 * i - 31 FOR 32), ''::bytea ORDER BY i), ''::bytea) INTO leaves
        FROM generate_series(1, cardinality(v_entry)) i WHERE codes[v_entry[i]] IS NULL;
      UPDATE es.log l SET size = size_before + length(leaves) / 32, frontier = es.extend_frontier(size_before, frontier_before, leaves) WHERE l.log_id = p_log;
      PERFORM es.write_streams(p_log, p_now, size_before, positions, codes, e_tenant, e_type, e_id, e_expected, e_count, e_root, e_next, e_partition,
                               e_open, e_set_wake, e_wake, e_digest, e_data_key);
      INSERT INTO es.idempotency (tenant, principal, key, request_digest, stream_type, stream_id)
      SELECT e_tenant[n], e_principal[n], e_key[n], e_digest[n], e_type[n], e_id[n]
        FROM generate_series(1, entries) n WHERE e_key[n] IS NOT NULL AND codes[n] IS NULL;
      rejected := es.rejections(e_tenant, e_type, e_id, e_principal, e_key, codes);
    ELSIF 0 <> ANY (e_expected) THEN
      -- As es.write_streams does it.
      UPDATE es.stream s
         SET version = greatest(s.version, e_expected[n] + e_count[n]),
             last_position = CASE WHEN e_expected[n] + e_count[n] > s.version THEN size_before + e_offset[n] + e_count[n] ELSE s.last_position END,
             open = coalesce(e_open[n], s.open),
             wake_at = CASE WHEN e_set_wake[n] AND (s.wake_at IS NULL OR e_wake[n] < s.wake_at OR s.wake_at <= p_now) THEN e_wake[n] ELSE s.wake_at END,
             partition = coalesce(e_partition[n], s.partition),
             data_key = coalesce(e_data_key[n], s.data_key)
        FROM generate_series(1, entries) n
       WHERE e_next[n] IS NULL AND e_expected[coalesce(e_root[n], n)] <> 0
         AND s.id = e_id[n] AND s.tenant = e_tenant[n] AND s.type = e_type[n]
         AND (e_expected[n] + e_count[n] > s.version OR coalesce(e_open[n], s.open) <> s.open
              OR (e_set_wake[n] AND e_wake[n] IS DISTINCT FROM s.wake_at AND (s.wake_at IS NULL OR e_wake[n] < s.wake_at OR s.wake_at <= p_now)));
    END IF;

    INSERT INTO es.event (log_id, position, tenant, stream_type, stream_id, version, type, schema_version, recorded_at, canonical, leaf_hash)
    SELECT p_log, size_before + positions[n] + i - e_offset[n], e_tenant[n], e_type[n], e_id[n], e_expected[n] + i - e_offset[n],
           v_type[i], coalesce(v_schema[i], 1), recorded, substring(p_canonical FROM v_start[i] FOR v_start[i + 1] - v_start[i]),
           substring(leaves FROM 32 * (positions[n] + i - e_offset[n]) - 31 FOR 32)
      FROM generate_series(1, cardinality(v_entry)) i, LATERAL (SELECT v_entry[i] AS n) e
     WHERE codes[n] IS NULL;
    IF p_slots IS NOT NULL THEN
      PERFORM es.apply_slots(codes, p_slots);
    END IF;
    IF p_waiting IS NOT NULL THEN
      PERFORM es.apply_waiting(p_now, codes, p_waiting);
    END IF;
    IF p_types IS NOT NULL THEN
      INSERT INTO es.event_type (type, schema_version) SELECT t.type, t.version FROM jsonb_to_recordset(p_types) AS t(type text, version integer) ON CONFLICT DO NOTHING;
    END IF;
    IF leaves <> '' THEN
      PERFORM pg_notify('es_append', (size_before + length(leaves) / 32)::text);
    END IF;
  END $$`;

/** A partition's bounds say the same as its check, which every append parsed anew. A table that is attached empty needs none. */
const UNCHECKED_PARTITIONS = `
  DO $$
  DECLARE c record;
  BEGIN
    FOR c IN SELECT i.inhrelid::regclass AS partition, k.conname FROM pg_inherits i JOIN pg_constraint k ON k.conrelid = i.inhrelid AND k.contype = 'c'
              WHERE i.inhparent = 'es.event'::regclass LOOP
      EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.partition, c.conname);
    END LOOP;
  END $$`;

const PARTITIONS_AHEAD = `
  CREATE OR REPLACE FUNCTION es.ensure_event_partitions(p_rows bigint DEFAULT 10000000) RETURNS integer
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
      EXECUTE format('CREATE TABLE es.%I (LIKE es.event INCLUDING DEFAULTS INCLUDING STORAGE) WITH (toast_tuple_target = 8160)', partition_name);
      PERFORM es.guard_events(format('es.%I', partition_name)::regclass);
      EXECUTE format('ALTER TABLE es.event ATTACH PARTITION es.%I FOR VALUES FROM (%s) TO (%s)', partition_name, next_position, next_position + p_rows);
      INSERT INTO es.event_partition (name, from_position, to_position) VALUES (partition_name, next_position, next_position + p_rows);
      created := created + 1;
    END LOOP;
    RETURN created;
  END $$`;
