import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = ['worker_reputation', 'worker_attempt', 'reputation_setting'];

/**
 * What attempts say about workers: a row for each worker and capability, the attempts that have not ended yet, and the tenants' half-lives.
 * Made anew beside themselves like the list of delegations, by functions of the owner.
 */
export class WorkerReputation1764420000000 implements MigrationInterface {
  readonly name = 'WorkerReputation1764420000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE rm.worker_reputation (
        tenant     text COLLATE "C" NOT NULL,
        instance   text COLLATE "C" NOT NULL,
        capability text COLLATE "C" NOT NULL,
        standing   jsonb NOT NULL,
        position   bigint NOT NULL,
        PRIMARY KEY (tenant, instance, capability)
      ) WITH (fillfactor = 70)`);
    await runner.query('CREATE INDEX worker_reputation_changed ON rm.worker_reputation (position)');
    await runner.query(`
      CREATE TABLE rm.worker_attempt (
        tenant        text COLLATE "C" NOT NULL,
        delegation_id text COLLATE "C" NOT NULL,
        step_id       text COLLATE "C" NOT NULL,
        attempt       jsonb NOT NULL,
        PRIMARY KEY (tenant, delegation_id, step_id)
      )`);
    await runner.query('CREATE TABLE rm.reputation_setting (tenant text COLLATE "C" PRIMARY KEY, half_life_ms double precision NOT NULL)');
    const made = TABLES.map(
      (table) => `
        DROP TABLE IF EXISTS rm.${table}_rebuilt;
        CREATE TABLE rm.${table}_rebuilt (LIKE rm.${table} INCLUDING ALL) WITH (fillfactor = 70);
        GRANT SELECT, INSERT, UPDATE, DELETE ON rm.${table}_rebuilt TO mandate_service;`,
    );
    await runner.query(`
      CREATE FUNCTION rm.begin_reputation_rebuild() RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN ${made.join('')}
        DELETE FROM es.checkpoint WHERE subscription = 'worker-reputation-rebuilt';
      END $$`);
    const swapped = TABLES.map((table) => `DROP TABLE rm.${table}; ALTER TABLE rm.${table}_rebuilt RENAME TO ${table};`);
    await runner.query(`
      CREATE FUNCTION rm.swap_reputation_rebuild() RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      BEGIN ${swapped.join(' ')} END $$`);
    await runner.query('REVOKE ALL ON FUNCTION rm.begin_reputation_rebuild(), rm.swap_reputation_rebuild() FROM PUBLIC');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION rm.begin_reputation_rebuild(), rm.swap_reputation_rebuild()');
    for (const table of TABLES) await runner.query(`DROP TABLE rm.${table}`);
  }
}
