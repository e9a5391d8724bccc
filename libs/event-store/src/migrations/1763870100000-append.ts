import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * `es.append`: one call a batch, under the lock of the head row. Set based: the plans are cached and always go through indexes
 * (the settings of the function), whatever the tables' statistics were when a connection planned them.
 */
export class Append1763870100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [EXTEND_FRONTIER, APPLY_SLOTS, APPLY_WAITING, CHECK, REJECTIONS, WRITE_STREAMS, APPEND])
      await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('an append-only log is not migrated down: restore a backup instead');
  }
}

/** Of es.append; what it calls runs under the same settings and is nobody else's to call. */
const INDEXES_ONLY = `
  SET search_path = pg_catalog, pg_temp
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off`;

/** RFC 6962 section 2.1, as a compact range. Level by level: the pairs of one level are the nodes of the next, an odd last node stays. */
const EXTEND_FRONTIER = `
  CREATE FUNCTION es.extend_frontier(p_size bigint, p_frontier bytea, p_leaves bytea) RETURNS bytea
  LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    size bigint := p_size;
    rest bytea := p_frontier;
    nodes bytea := p_leaves;
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
      IF n < 2 THEN
        nodes := '';
      ELSIF n < 4 THEN
        nodes := sha256('\\x01'::bytea || substring(nodes FROM 1 FOR 64));
      ELSE
        nodes := (SELECT string_agg(sha256('\\x01'::bytea || substring(nodes FROM 64 * i + 1 FOR 64)), ''::bytea ORDER BY i)
                    FROM generate_series(0, n / 2 - 1) AS i);
      END IF;
      size := size >> 1;
    END LOOP;
    RETURN extended || rest;
  END $$`;

/** A release ends what earlier entries of the batch acquired; an entry that does both releases first. */
const APPLY_SLOTS = `
  CREATE FUNCTION es.apply_slots(p_codes text[], p_slots jsonb) RETURNS void
  LANGUAGE plpgsql AS $$
  BEGIN
    DELETE FROM es.slot s USING jsonb_to_recordset(p_slots -> 'release') AS r(n integer, tenant text, id text, step text)
     WHERE s.delegation_id = r.id AND s.step_id = r.step AND s.tenant = r.tenant AND p_codes[r.n] IS NULL;
    INSERT INTO es.slot (tenant, delegation_id, step_id, attempt, lease, instance, capability, key, partition)
    SELECT DISTINCT ON (a.id, a.step, a.tenant) a.tenant, a.id, a.step, a.attempt, a.lease, a.instance, a.capability, a.key, a.partition
      FROM jsonb_to_recordset(p_slots -> 'acquire')
        AS a(n integer, tenant text, id text, step text, attempt integer, lease integer, instance text, capability text, key text, partition smallint)
     WHERE p_codes[a.n] IS NULL AND NOT EXISTS (
       SELECT FROM jsonb_to_recordset(p_slots -> 'release') AS r(n integer, tenant text, id text, step text)
        WHERE p_codes[r.n] IS NULL AND r.n > a.n AND r.id = a.id AND r.step = a.step AND r.tenant = a.tenant)
     ORDER BY a.id, a.step, a.tenant, a.n DESC
    ON CONFLICT (delegation_id, step_id, tenant) DO UPDATE
      SET attempt = excluded.attempt, lease = excluded.lease, instance = excluded.instance, capability = excluded.capability, key = excluded.key, partition = excluded.partition;
  END $$`;

const APPLY_WAITING = `
  CREATE FUNCTION es.apply_waiting(p_now timestamptz, p_codes text[], p_waiting jsonb) RETURNS void
  LANGUAGE plpgsql AS $$
  BEGIN
    DELETE FROM es.waiting w USING jsonb_to_recordset(p_waiting -> 'remove') AS r(n integer, tenant text, id text, step text)
     WHERE w.delegation_id = r.id AND w.step_id = r.step AND w.tenant = r.tenant AND p_codes[r.n] IS NULL;
    INSERT INTO es.waiting (tenant, delegation_id, step_id, attempt, capability, key, urgency, since)
    SELECT d.tenant, d.id, d.step, d.attempt, d.capability, d.key, d.urgency, p_now FROM (
      SELECT DISTINCT ON (a.id, a.step, a.tenant) a.*
        FROM jsonb_to_recordset(p_waiting -> 'add') AS a(n integer, tenant text, id text, step text, attempt integer, capability text, key text, urgency bigint)
       WHERE p_codes[a.n] IS NULL AND NOT EXISTS (
         SELECT FROM jsonb_to_recordset(p_waiting -> 'remove') AS r(n integer, tenant text, id text, step text)
          WHERE p_codes[r.n] IS NULL AND r.n > a.n AND r.id = a.id AND r.step = a.step AND r.tenant = a.tenant)
       ORDER BY a.id, a.step, a.tenant, a.n DESC) d
     ORDER BY d.n
    ON CONFLICT (delegation_id, step_id, tenant) DO UPDATE
      SET attempt = excluded.attempt, capability = excluded.capability, key = excluded.key, urgency = excluded.urgency;
  END $$`;

/**
 * Why entries cannot be appended, by their number; null when none is refused. A chain is several entries of one stream, each expecting
 * what the one before leaves (the caller promises that): its first entry answers for the version, and whatever follows a refused one is refused.
 */
const CHECK = `
  CREATE FUNCTION es.check_entries(
    e_tenant text[], e_type text[], e_id text[], e_expected bigint[], e_root integer[], e_partition smallint[], e_epoch bigint[],
    e_scheduler bigint[], e_digest bytea[], e_principal text[], e_key text[], e_data_key bytea[], e_new_key boolean[]
  ) RETURNS text[] LANGUAGE plpgsql AS $$
  DECLARE
    refused integer[];
    reasons text[];
    codes text[];
    scheduling bigint;
    epochs bigint[];
  BEGIN
    IF e_scheduler IS NOT NULL THEN
      SELECT l.epoch INTO scheduling FROM es.lease_owner l WHERE l.name = 'scheduler';
    END IF;
    IF e_epoch IS NOT NULL THEN
      SELECT array_agg(o.epoch ORDER BY o.partition) INTO epochs FROM es.partition_owner o;
    END IF;
    SELECT array_agg(c.n), array_agg(c.code) INTO refused, reasons FROM (
      SELECT n, CASE
        WHEN e_epoch[n] IS DISTINCT FROM epochs[e_partition[n] + 1] AND e_epoch[n] IS NOT NULL THEN 'FENCED'
        WHEN e_scheduler[n] IS DISTINCT FROM scheduling AND e_scheduler[n] IS NOT NULL THEN 'SCHEDULER_FENCED'
        WHEN e_digest[n] IS NOT NULL AND s.version IS NOT NULL
          THEN CASE WHEN s.request_digest = e_digest[n] THEN 'IDEMPOTENT_REPEAT' ELSE 'IDEMPOTENCY_CONFLICT' END
        ELSE coalesce(
          CASE WHEN e_key[n] IS NOT NULL THEN (
            SELECT CASE WHEN i.request_digest = e_digest[n] THEN 'IDEMPOTENT_REPEAT' ELSE 'IDEMPOTENCY_CONFLICT' END
              FROM es.idempotency i WHERE i.key = e_key[n] AND i.principal = e_principal[n] AND i.tenant = e_tenant[n]) END,
          CASE
            WHEN e_root[n] <> n THEN NULL
            WHEN e_expected[n] >= 0 AND coalesce(s.version, 0) <> e_expected[n] THEN 'VERSION_CONFLICT'
            WHEN e_expected[n] = -1 AND s.version IS NULL THEN 'VERSION_CONFLICT'
            WHEN e_data_key[n] IS NOT NULL AND e_new_key[n] IS NOT TRUE AND s.data_key IS DISTINCT FROM e_data_key[n] THEN 'STALE_KEY'
            WHEN e_new_key[n] AND s.data_key IS NOT NULL THEN 'STALE_KEY'
          END)
      END AS code
      FROM generate_series(1, cardinality(e_id)) n
      LEFT JOIN es.stream s ON s.id = e_id[n] AND s.tenant = e_tenant[n] AND s.type = e_type[n]
      OFFSET 0
    ) c WHERE c.code IS NOT NULL;
    IF refused IS NULL THEN
      RETURN NULL;
    END IF;
    codes := array_fill(NULL::text, ARRAY[cardinality(e_id)]);
    FOR k IN 1 .. cardinality(refused) LOOP
      codes[refused[k]] := reasons[k];
    END LOOP;
    IF e_root IS NULL THEN
      RETURN codes;
    END IF;
    RETURN (SELECT array_agg(coalesce(x.code, CASE WHEN x.broken THEN 'VERSION_CONFLICT' END) ORDER BY x.n) FROM (
      SELECT c.n, c.code, bool_or(c.code IS NOT NULL) OVER (PARTITION BY c.root ORDER BY c.n) AS broken
        FROM unnest(codes, e_root) WITH ORDINALITY AS c(code, root, n)) x);
  END $$`;

/** What a refused caller is told: its stream's version after this batch, and the stream that holds the same request. */
const REJECTIONS = `
  CREATE FUNCTION es.rejections(e_tenant text[], e_type text[], e_id text[], e_principal text[], e_key text[], p_codes text[]) RETURNS jsonb
  LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_build_object('n', e.n, 'code', e.code, 'currentVersion', coalesce(s.version, 0),
             'existingType', coalesce(i.stream_type, s.type), 'existingId', coalesce(i.stream_id, s.id)) ORDER BY e.n)
      FROM unnest(e_tenant, e_type, e_id, e_principal, e_key, p_codes) WITH ORDINALITY AS e(tenant, type, id, principal, key, code, n)
      LEFT JOIN es.stream s ON s.id = e.id AND s.tenant = e.tenant AND s.type = e.type
      LEFT JOIN es.idempotency i ON i.key = e.key AND i.principal = e.principal AND i.tenant = e.tenant
     WHERE e.code IS NOT NULL
  $$`;

/** Of a chain the last accepted entry counts; the caller has carried over what its entries leave unsaid. */
const WRITE_STREAMS = `
  CREATE FUNCTION es.write_streams(
    p_log smallint, p_now timestamptz, p_size bigint, p_offset integer[], p_codes text[],
    e_tenant text[], e_type text[], e_id text[], e_expected bigint[], e_count integer[], e_root integer[], e_next integer[], e_partition smallint[],
    e_open boolean[], e_set_wake boolean[], e_wake timestamptz[], e_digest bytea[], e_data_key bytea[]
  ) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    IF 0 = ANY (e_expected) THEN
      INSERT INTO es.stream (log_id, tenant, type, id, partition, version, first_position, last_position, open, wake_at, request_digest, data_key)
      SELECT p_log, e_tenant[n], e_type[n], e_id[n], e_partition[n], e_expected[n] + e_count[n],
             p_size + p_offset[coalesce(e_root[n], n)] + 1, p_size + p_offset[n] + e_count[n],
             coalesce(e_open[n], false), e_wake[n], e_digest[coalesce(e_root[n], n)], e_data_key[n]
        FROM generate_series(1, cardinality(e_id)) n
       WHERE p_codes[n] IS NULL AND (e_next[n] IS NULL OR p_codes[e_next[n]] IS NOT NULL)
         AND e_expected[coalesce(e_root[n], n)] = 0 AND e_expected[n] + e_count[n] > 0;
    END IF;
    IF 0 <> ANY (e_expected) THEN
      UPDATE es.stream s
         SET version = greatest(s.version, e_expected[n] + e_count[n]),
             last_position = CASE WHEN e_expected[n] + e_count[n] > s.version THEN p_size + p_offset[n] + e_count[n] ELSE s.last_position END,
             open = coalesce(e_open[n], s.open),
             wake_at = CASE WHEN e_set_wake[n] AND (s.wake_at IS NULL OR e_wake[n] < s.wake_at OR s.wake_at <= p_now) THEN e_wake[n] ELSE s.wake_at END,
             partition = coalesce(e_partition[n], s.partition),
             data_key = coalesce(e_data_key[n], s.data_key)
        FROM generate_series(1, cardinality(e_id)) n
       WHERE p_codes[n] IS NULL AND (e_next[n] IS NULL OR p_codes[e_next[n]] IS NOT NULL)
         AND e_expected[coalesce(e_root[n], n)] <> 0
         AND s.id = e_id[n] AND s.tenant = e_tenant[n] AND s.type = e_type[n]
         AND (e_expected[n] + e_count[n] > s.version OR coalesce(e_open[n], s.open) <> s.open
              OR (e_set_wake[n] AND e_wake[n] IS DISTINCT FROM s.wake_at AND (s.wake_at IS NULL OR e_wake[n] < s.wake_at OR s.wake_at <= p_now)));
    END IF;
  END $$`;

/**
 * e_*: one element an entry; v_*: one an event, in order. e_expected: the version, 0 = no stream, -1 = stream exists, -2 = any (the last two only
 * without events). e_root, e_next: the first and the next entry of an entry's chain. e_offset: events in the entries before. v_entry: the event's entry.
 * v_start: where the event begins in p_canonical, from 1; one element more says where the last ends. An array that is null as a whole stands for nulls.
 * p_types: event types that this caller has not appended before. Returns the size before, and the refused entries by number.
 * Arrays are read by subscript: PostgreSQL takes them apart once, where unnest would copy every column of every row twice.
 */
const APPEND = `
  CREATE FUNCTION es.append(
    p_log smallint, p_now timestamptz,
    e_tenant text[], e_type text[], e_id text[], e_expected bigint[], e_count integer[], e_root integer[], e_next integer[], e_offset integer[],
    e_partition smallint[], e_epoch bigint[], e_scheduler bigint[], e_open boolean[], e_set_wake boolean[], e_wake timestamptz[],
    e_digest bytea[], e_principal text[], e_key text[], e_data_key bytea[], e_new_key boolean[],
    v_entry integer[], v_type text[], v_schema integer[], v_start integer[], p_canonical bytea,
    p_slots jsonb, p_waiting jsonb, p_types jsonb,
    OUT size_before bigint, OUT recorded timestamptz, OUT rejected jsonb
  ) LANGUAGE plpgsql SECURITY DEFINER ${INDEXES_ONLY} AS $$
  DECLARE
    frontier_before bytea;
    leaves bytea;
    codes text[];
    positions integer[] := e_offset;
  BEGIN
    SELECT l.size, l.frontier INTO STRICT size_before, frontier_before FROM es.log l WHERE l.log_id = p_log FOR UPDATE;
    recorded := date_trunc('milliseconds', clock_timestamp());
    -- Every statement from here on has a snapshot taken under the lock.
    codes := es.check_entries(e_tenant, e_type, e_id, e_expected, e_root, e_partition, e_epoch, e_scheduler, e_digest, e_principal, e_key, e_data_key, e_new_key);
    IF codes IS NOT NULL THEN
      SELECT array_agg(x.before ORDER BY x.n) INTO positions FROM (
        SELECT c.n, (coalesce(sum(c.count) FILTER (WHERE c.code IS NULL) OVER (ORDER BY c.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))::integer AS before
          FROM unnest(codes, e_count) WITH ORDINALITY AS c(code, count, n)) x;
    END IF;

    SELECT string_agg(sha256('\\x00'::bytea || substring(p_canonical FROM v_start[i] FOR v_start[i + 1] - v_start[i])), ''::bytea ORDER BY i) INTO leaves
      FROM generate_series(1, cardinality(v_entry)) i WHERE codes[v_entry[i]] IS NULL;
    INSERT INTO es.event (log_id, position, tenant, stream_type, stream_id, version, type, schema_version, recorded_at, canonical, leaf_hash)
    SELECT p_log, size_before + positions[n] + i - e_offset[n], e_tenant[n], e_type[n], e_id[n], e_expected[n] + i - e_offset[n],
           v_type[i], coalesce(v_schema[i], 1), recorded, substring(p_canonical FROM v_start[i] FOR v_start[i + 1] - v_start[i]),
           substring(leaves FROM 32 * (positions[n] + i - e_offset[n]) - 31 FOR 32)
      FROM generate_series(1, cardinality(v_entry)) i, LATERAL (SELECT v_entry[i] AS n) e
     WHERE codes[n] IS NULL;

    PERFORM es.write_streams(p_log, p_now, size_before, positions, codes, e_tenant, e_type, e_id, e_expected, e_count, e_root, e_next, e_partition,
                             e_open, e_set_wake, e_wake, e_digest, e_data_key);
    IF e_key IS NOT NULL THEN
      INSERT INTO es.idempotency (tenant, principal, key, request_digest, stream_type, stream_id)
      SELECT e_tenant[n], e_principal[n], e_key[n], e_digest[n], e_type[n], e_id[n]
        FROM generate_series(1, cardinality(e_id)) n
       WHERE e_key[n] IS NOT NULL AND codes[n] IS NULL;
    END IF;
    IF p_slots IS NOT NULL THEN
      PERFORM es.apply_slots(codes, p_slots);
    END IF;
    IF p_waiting IS NOT NULL THEN
      PERFORM es.apply_waiting(p_now, codes, p_waiting);
    END IF;
    IF p_types IS NOT NULL THEN
      INSERT INTO es.event_type (type, schema_version) SELECT t.type, t.version FROM jsonb_to_recordset(p_types) AS t(type text, version integer) ON CONFLICT DO NOTHING;
    END IF;
    IF leaves IS NOT NULL THEN
      UPDATE es.log l SET size = size_before + length(leaves) / 32, frontier = es.extend_frontier(size_before, frontier_before, leaves) WHERE l.log_id = p_log;
      PERFORM pg_notify('es_append', (size_before + length(leaves) / 32)::text);
    END IF;
    IF codes IS NOT NULL THEN
      rejected := es.rejections(e_tenant, e_type, e_id, e_principal, e_key, codes);
    END IF;
  END $$`;
