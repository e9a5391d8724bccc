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
  CREATE FUNCTION es.apply_slots(p_accepted boolean[], p_slots jsonb) RETURNS void
  LANGUAGE plpgsql AS $$
  BEGIN
    DELETE FROM es.slot s USING jsonb_to_recordset(p_slots -> 'release') AS r(n integer, tenant text, id text, step text)
     WHERE s.delegation_id = r.id AND s.step_id = r.step AND s.tenant = r.tenant AND p_accepted[r.n];
    INSERT INTO es.slot (tenant, delegation_id, step_id, attempt, lease, instance, capability, key, partition)
    SELECT DISTINCT ON (a.id, a.step, a.tenant) a.tenant, a.id, a.step, a.attempt, a.lease, a.instance, a.capability, a.key, a.partition
      FROM jsonb_to_recordset(p_slots -> 'acquire')
        AS a(n integer, tenant text, id text, step text, attempt integer, lease integer, instance text, capability text, key text, partition smallint)
     WHERE p_accepted[a.n] AND NOT EXISTS (
       SELECT FROM jsonb_to_recordset(p_slots -> 'release') AS r(n integer, tenant text, id text, step text)
        WHERE p_accepted[r.n] AND r.n > a.n AND r.id = a.id AND r.step = a.step AND r.tenant = a.tenant)
     ORDER BY a.id, a.step, a.tenant, a.n DESC
    ON CONFLICT (delegation_id, step_id, tenant) DO UPDATE
      SET attempt = excluded.attempt, lease = excluded.lease, instance = excluded.instance, capability = excluded.capability, key = excluded.key, partition = excluded.partition;
  END $$`;

const APPLY_WAITING = `
  CREATE FUNCTION es.apply_waiting(p_now timestamptz, p_accepted boolean[], p_waiting jsonb) RETURNS void
  LANGUAGE plpgsql AS $$
  BEGIN
    DELETE FROM es.waiting w USING jsonb_to_recordset(p_waiting -> 'remove') AS r(n integer, tenant text, id text, step text)
     WHERE w.delegation_id = r.id AND w.step_id = r.step AND w.tenant = r.tenant AND p_accepted[r.n];
    INSERT INTO es.waiting (tenant, delegation_id, step_id, attempt, capability, key, urgency, since)
    SELECT d.tenant, d.id, d.step, d.attempt, d.capability, d.key, d.urgency, p_now FROM (
      SELECT DISTINCT ON (a.id, a.step, a.tenant) a.*
        FROM jsonb_to_recordset(p_waiting -> 'add') AS a(n integer, tenant text, id text, step text, attempt integer, capability text, key text, urgency bigint)
       WHERE p_accepted[a.n] AND NOT EXISTS (
         SELECT FROM jsonb_to_recordset(p_waiting -> 'remove') AS r(n integer, tenant text, id text, step text)
          WHERE p_accepted[r.n] AND r.n > a.n AND r.id = a.id AND r.step = a.step AND r.tenant = a.tenant)
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
    codes text[];
    refused bigint;
    scheduling bigint;
    epochs bigint[];
  BEGIN
    IF e_scheduler IS NOT NULL THEN
      SELECT l.epoch INTO scheduling FROM es.lease_owner l WHERE l.name = 'scheduler';
    END IF;
    IF e_epoch IS NOT NULL THEN
      SELECT array_agg(o.epoch ORDER BY o.partition) INTO epochs FROM es.partition_owner o;
    END IF;
    SELECT array_agg(c.code ORDER BY c.n), count(c.code) INTO codes, refused FROM (
      SELECT e.n, CASE
        WHEN e.epoch IS NOT NULL AND e.epoch IS DISTINCT FROM epochs[e.partition + 1] THEN 'FENCED'
        WHEN e.scheduler IS NOT NULL AND e.scheduler IS DISTINCT FROM scheduling THEN 'SCHEDULER_FENCED'
        WHEN e.digest IS NOT NULL AND s.version IS NOT NULL AND s.request_digest IS NOT DISTINCT FROM e.digest THEN 'IDEMPOTENT_REPEAT'
        WHEN e.digest IS NOT NULL AND s.version IS NOT NULL THEN 'IDEMPOTENCY_CONFLICT'
        WHEN e.key IS NOT NULL AND EXISTS (SELECT FROM es.idempotency i WHERE i.key = e.key AND i.principal = e.principal AND i.tenant = e.tenant)
          THEN CASE WHEN (SELECT i.request_digest FROM es.idempotency i WHERE i.key = e.key AND i.principal = e.principal AND i.tenant = e.tenant) = e.digest
                    THEN 'IDEMPOTENT_REPEAT' ELSE 'IDEMPOTENCY_CONFLICT' END
        WHEN e.root <> e.n THEN NULL
        WHEN e.expected >= 0 AND coalesce(s.version, 0) <> e.expected THEN 'VERSION_CONFLICT'
        WHEN e.expected = -1 AND s.version IS NULL THEN 'VERSION_CONFLICT'
        WHEN e.data_key IS NOT NULL AND NOT e.new_key AND s.data_key IS DISTINCT FROM e.data_key THEN 'STALE_KEY'
        WHEN e.new_key AND s.data_key IS NOT NULL THEN 'STALE_KEY'
      END AS code
      FROM unnest(e_tenant, e_type, e_id, e_expected, e_root, e_partition, e_epoch, e_scheduler, e_digest, e_principal, e_key, e_data_key, e_new_key)
        WITH ORDINALITY AS e(tenant, type, id, expected, root, partition, epoch, scheduler, digest, principal, key, data_key, new_key, n)
      LEFT JOIN es.stream s ON s.id = e.id AND s.tenant = e.tenant AND s.type = e.type
    ) c;
    IF refused = 0 THEN
      RETURN NULL;
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
    p_log smallint, p_now timestamptz, p_size bigint, p_offset integer[], p_accepted boolean[],
    e_tenant text[], e_type text[], e_id text[], e_expected bigint[], e_count integer[], e_root integer[], e_partition smallint[],
    e_open boolean[], e_set_wake boolean[], e_wake timestamptz[], e_digest bytea[], e_data_key bytea[]
  ) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    IF 0 = ANY (e_expected) THEN
      INSERT INTO es.stream (log_id, tenant, type, id, partition, version, first_position, last_position, open, wake_at, request_digest, data_key)
      SELECT p_log, e.tenant, e.type, e.id, e.partition, e.expected + e.count, p_size + p_offset[e.root] + 1, p_size + e.first + e.count,
             coalesce(e.open, false), e.wake, e_digest[e.root], e.data_key
        FROM (SELECT DISTINCT ON (u.root) u.*, p_offset[u.n] AS first
                FROM unnest(e_tenant, e_type, e_id, e_expected, e_count, e_root, e_partition, e_open, e_wake, e_data_key)
                  WITH ORDINALITY AS u(tenant, type, id, expected, count, root, partition, open, wake, data_key, n)
               WHERE p_accepted[u.n] AND e_expected[u.root] = 0
               ORDER BY u.root, u.n DESC) e
       WHERE e.expected + e.count > 0;
    END IF;
    IF 0 <> ANY (e_expected) THEN
      UPDATE es.stream s
         SET version = greatest(s.version, e.expected + e.count),
             last_position = CASE WHEN e.expected + e.count > s.version THEN p_size + e.first + e.count ELSE s.last_position END,
             open = coalesce(e.open, s.open),
             wake_at = CASE WHEN e.set_wake AND (s.wake_at IS NULL OR e.wake < s.wake_at OR s.wake_at <= p_now) THEN e.wake ELSE s.wake_at END,
             partition = coalesce(e.partition, s.partition),
             data_key = coalesce(e.data_key, s.data_key)
        FROM (SELECT DISTINCT ON (u.root) u.*, p_offset[u.n] AS first
                FROM unnest(e_tenant, e_type, e_id, e_expected, e_count, e_root, e_partition, e_open, e_set_wake, e_wake, e_data_key)
                  WITH ORDINALITY AS u(tenant, type, id, expected, count, root, partition, open, set_wake, wake, data_key, n)
               WHERE p_accepted[u.n] AND e_expected[u.root] <> 0
               ORDER BY u.root, u.n DESC) e
       WHERE s.id = e.id AND s.tenant = e.tenant AND s.type = e.type
         AND (e.expected + e.count > s.version OR coalesce(e.open, s.open) <> s.open
              OR (e.set_wake AND e.wake IS DISTINCT FROM s.wake_at AND (s.wake_at IS NULL OR e.wake < s.wake_at OR s.wake_at <= p_now)));
    END IF;
  END $$`;

/**
 * e_*: one element an entry; v_*: one an event, in order. e_expected: the version, 0 = no stream, -1 = stream exists, -2 = any (the last two only
 * without events). An array that is null as a whole stands for nulls.
 * p_types: event types that this caller has not appended before. Returns the size before, and the refused entries by number.
 */
const APPEND = `
  CREATE FUNCTION es.append(
    p_log smallint, p_now timestamptz,
    e_tenant text[], e_type text[], e_id text[], e_expected bigint[], e_count integer[], e_root integer[], e_offset integer[],
    e_partition smallint[], e_epoch bigint[], e_scheduler bigint[], e_open boolean[], e_set_wake boolean[], e_wake timestamptz[],
    e_digest bytea[], e_principal text[], e_key text[], e_data_key bytea[], e_new_key boolean[],
    v_entry integer[], v_tenant text[], v_stream_type text[], v_stream_id text[], v_version bigint[], v_id text[], v_type text[], v_schema integer[],
    v_occurred timestamptz[], v_actor text[], v_correlation text[], v_causation text[], v_trace text[], v_canonical bytea[],
    p_slots jsonb, p_waiting jsonb, p_types jsonb,
    OUT size_before bigint, OUT recorded timestamptz, OUT rejected jsonb
  ) LANGUAGE plpgsql SECURITY DEFINER ${INDEXES_ONLY} AS $$
  DECLARE
    frontier_before bytea;
    leaves bytea;
    codes text[];
    accepted boolean[];
    positions integer[] := e_offset;
  BEGIN
    SELECT l.size, l.frontier INTO STRICT size_before, frontier_before FROM es.log l WHERE l.log_id = p_log FOR UPDATE;
    recorded := date_trunc('milliseconds', clock_timestamp());
    -- Every statement from here on has a snapshot taken under the lock.
    codes := es.check_entries(e_tenant, e_type, e_id, e_expected, e_root, e_partition, e_epoch, e_scheduler, e_digest, e_principal, e_key, e_data_key, e_new_key);
    IF codes IS NULL THEN
      accepted := array_fill(true, ARRAY[cardinality(e_id)]);
    ELSE
      SELECT array_agg(x.code IS NULL ORDER BY x.n), array_agg(x.before ORDER BY x.n) INTO accepted, positions FROM (
        SELECT c.n, c.code, (coalesce(sum(c.count) FILTER (WHERE c.code IS NULL) OVER (ORDER BY c.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))::integer AS before
          FROM unnest(codes, e_count) WITH ORDINALITY AS c(code, count, n)) x;
    END IF;

    WITH inserted AS (
      INSERT INTO es.event (log_id, position, tenant, stream_type, stream_id, version, event_id, type, schema_version, occurred_at, recorded_at,
                            actor, correlation_id, causation_id, trace_id, canonical, leaf_hash)
      SELECT p_log, size_before + positions[v.entry] + v.version - e_expected[v.entry], v.tenant, v.stream_type, v.stream_id, v.version, v.id, v.type,
             v.schema, v.occurred, recorded, v.actor, v.correlation, v.causation, v.trace, v.canonical, sha256('\\x00'::bytea || v.canonical)
        FROM unnest(v_entry, v_tenant, v_stream_type, v_stream_id, v_version, v_id, v_type, v_schema, v_occurred, v_actor, v_correlation, v_causation, v_trace, v_canonical)
          AS v(entry, tenant, stream_type, stream_id, version, id, type, schema, occurred, actor, correlation, causation, trace, canonical)
       WHERE accepted[v.entry]
      RETURNING position, leaf_hash
    ) SELECT string_agg(i.leaf_hash, ''::bytea ORDER BY i.position) INTO leaves FROM inserted i;

    PERFORM es.write_streams(p_log, p_now, size_before, positions, accepted, e_tenant, e_type, e_id, e_expected, e_count, e_root, e_partition,
                             e_open, e_set_wake, e_wake, e_digest, e_data_key);
    IF e_key IS NOT NULL THEN
      INSERT INTO es.idempotency (tenant, principal, key, request_digest, stream_type, stream_id)
      SELECT e.tenant, e.principal, e.key, e.digest, e.type, e.id
        FROM unnest(e_tenant, e_principal, e_key, e_digest, e_type, e_id) WITH ORDINALITY AS e(tenant, principal, key, digest, type, id, n)
       WHERE e.key IS NOT NULL AND accepted[e.n];
    END IF;
    IF p_slots IS NOT NULL THEN
      PERFORM es.apply_slots(accepted, p_slots);
    END IF;
    IF p_waiting IS NOT NULL THEN
      PERFORM es.apply_waiting(p_now, accepted, p_waiting);
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
