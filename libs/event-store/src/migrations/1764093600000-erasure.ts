import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What erasing a person does to the tables: keys go, and with them what they opened; no event is touched. */
export class Erasure1764093600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [DESTROY_KEYS, REMOVE_DEAD_LETTERS, RIGHTS]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('an append-only log is not migrated down: restore a backup instead');
  }
}

/** Of one data subject the named keys only: one that was made after an erasure was asked for is not part of it. */
const DESTROY_KEYS = `
  CREATE FUNCTION es.destroy_keys(
    p_tenant text, p_subject bytea, p_kids text[], p_delegations text[], OUT subject_keys integer, OUT stream_keys integer, OUT snapshots integer
  ) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    UPDATE es.subject_key k SET wrapped_key = NULL
     WHERE k.tenant = p_tenant AND k.subject = p_subject AND k.kid = ANY (p_kids) AND k.wrapped_key IS NOT NULL;
    GET DIAGNOSTICS subject_keys = ROW_COUNT;
    UPDATE es.stream s SET data_key = NULL
     WHERE s.tenant = p_tenant AND s.type = 'delegation' AND s.id = ANY (p_delegations) AND s.data_key IS NOT NULL;
    GET DIAGNOSTICS stream_keys = ROW_COUNT;
    DELETE FROM es.snapshot s WHERE s.tenant = p_tenant AND s.stream_type = 'delegation' AND s.stream_id = ANY (p_delegations);
    GET DIAGNOSTICS snapshots = ROW_COUNT;
  END $$`;

const REMOVE_DEAD_LETTERS = `
  CREATE FUNCTION es.remove_dead_letters(p_tenant text, p_ids text[]) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    removed integer;
  BEGIN
    DELETE FROM es.dead_letter d WHERE d.tenant = p_tenant AND d.dead_letter_id = ANY (p_ids);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
  END $$`;

const RIGHTS = `
  REVOKE ALL ON FUNCTION es.destroy_keys, es.remove_dead_letters FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION es.destroy_keys, es.remove_dead_letters TO mandate_audit;
  GRANT SELECT ON es.dead_letter TO mandate_audit`;
