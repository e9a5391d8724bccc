import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Leases with epochs. An epoch is raised under the head row's lock: whoever appends checks it under the same lock,
 * so nothing of an old epoch is appended after the call that raised it. Claims wait for each other (one lock of their own, taken first).
 */
export class Ownership1763870200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [LOCKS, PARTITIONS, LEASES, LOG_HEAD]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('an append-only log is not migrated down: restore a backup instead');
  }
}

const LOCKS = `
  CREATE FUNCTION es.lock_ownership() RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
  AS $$ SELECT pg_advisory_xact_lock(7365, 1) $$;
  CREATE FUNCTION es.lock_head() RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
  AS $$ SELECT FROM es.log WHERE log_id = 1 FOR UPDATE $$`;

/** Members share the partitions evenly: who has more than its share gives some back, who has less takes what is free or expired. */
const PARTITIONS = `
  CREATE FUNCTION es.claim_partitions(p_owner text, p_ttl interval, p_wanted integer DEFAULT NULL)
  RETURNS TABLE (partition smallint, epoch bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    until_then timestamptz;
    share integer;
    missing integer;
  BEGIN
    PERFORM es.lock_ownership();
    until_then := clock_timestamp() + p_ttl;
    INSERT INTO es.partition_member AS m (owner, lease_until) VALUES (p_owner, until_then)
      ON CONFLICT (owner) DO UPDATE SET lease_until = excluded.lease_until;
    DELETE FROM es.partition_member m WHERE m.lease_until < clock_timestamp() - interval '1 minute';
    SELECT coalesce(p_wanted, ceil(16.0 / count(*))::integer) INTO share FROM es.partition_member m WHERE m.lease_until > clock_timestamp();
    UPDATE es.partition_owner o
       SET lease_until = CASE WHEN kept.n <= share THEN until_then ELSE '-infinity' END, owner = CASE WHEN kept.n <= share THEN p_owner END
      FROM (SELECT k.partition, row_number() OVER (ORDER BY k.partition) AS n FROM es.partition_owner k WHERE k.owner = p_owner) kept
     WHERE kept.partition = o.partition;
    SELECT share - count(*) INTO missing FROM es.partition_owner o WHERE o.owner = p_owner;
    IF missing > 0 AND EXISTS (SELECT FROM es.partition_owner o WHERE o.owner IS DISTINCT FROM p_owner AND o.lease_until < clock_timestamp()) THEN
      PERFORM es.lock_head();
      UPDATE es.partition_owner o SET owner = p_owner, epoch = o.epoch + 1, lease_until = clock_timestamp() + p_ttl
       WHERE o.partition IN (SELECT f.partition FROM es.partition_owner f
                              WHERE f.owner IS DISTINCT FROM p_owner AND f.lease_until < clock_timestamp() ORDER BY f.partition LIMIT missing);
    END IF;
    RETURN QUERY SELECT o.partition, o.epoch FROM es.partition_owner o WHERE o.owner = p_owner ORDER BY o.partition;
  END $$;

  CREATE FUNCTION es.release_partitions(p_owner text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    PERFORM es.lock_ownership();
    UPDATE es.partition_owner o SET owner = NULL, lease_until = '-infinity' WHERE o.owner = p_owner;
    DELETE FROM es.partition_member m WHERE m.owner = p_owner;
  END $$`;

const LEASES = `
  CREATE FUNCTION es.claim_lease(p_name text, p_owner text, p_ttl interval, p_raise boolean DEFAULT false) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    held es.lease_owner;
    claimed bigint;
  BEGIN
    PERFORM es.lock_ownership();
    SELECT * INTO held FROM es.lease_owner l WHERE l.name = p_name;
    IF held.owner = p_owner AND held.lease_until <> '-infinity' AND NOT p_raise THEN
      UPDATE es.lease_owner l SET lease_until = clock_timestamp() + p_ttl WHERE l.name = p_name;
      RETURN held.epoch;
    END IF;
    IF held.owner <> p_owner AND held.lease_until > clock_timestamp() THEN
      RETURN NULL;
    END IF;
    PERFORM es.lock_head();
    INSERT INTO es.lease_owner AS l (name, owner, epoch, lease_until) VALUES (p_name, p_owner, 1, clock_timestamp() + p_ttl)
      ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, epoch = l.epoch + 1, lease_until = excluded.lease_until
      RETURNING l.epoch INTO claimed;
    RETURN claimed;
  END $$;

  CREATE FUNCTION es.release_lease(p_name text, p_owner text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    PERFORM es.lock_ownership();
    UPDATE es.lease_owner l SET lease_until = '-infinity' WHERE l.name = p_name AND l.owner = p_owner;
  END $$`;

const LOG_HEAD = `
  CREATE FUNCTION es.head(OUT name text, OUT size bigint, OUT epoch integer, OUT frontier bytea)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT l.name, l.size, l.epoch, l.frontier FROM es.log l WHERE l.log_id = 1 $$;

  CREATE FUNCTION es.open_log_epoch(p_from integer) RETURNS integer
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ UPDATE es.log l SET epoch = p_from + 1 WHERE l.log_id = 1 AND l.epoch = p_from RETURNING l.epoch $$`;
