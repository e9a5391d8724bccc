import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Only columns that never change are indexed, and pages have room, so that the many updates of a running delegation stay
 * within their page (heap-only tuples). `ended_at` changes once; the partial index keeps what is open quick to find.
 */
export class DelegationList1763870400000 implements MigrationInterface {
  readonly name = 'DelegationList1763870400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE SCHEMA IF NOT EXISTS rm');
    await runner.query(`
      CREATE TABLE rm.delegation (
        tenant     text COLLATE "C" NOT NULL,
        id         text COLLATE "C" NOT NULL,
        state      text NOT NULL,
        pattern    text,
        confidence double precision,
        principal  text COLLATE "C" NOT NULL,
        created_at timestamptz NOT NULL,
        ended_at   timestamptz,
        position   bigint NOT NULL,
        progress   jsonb,
        PRIMARY KEY (tenant, id)
      ) WITH (fillfactor = 70)`);
    await runner.query('CREATE INDEX delegation_newest ON rm.delegation (tenant, created_at, id)');
    await runner.query('CREATE INDEX delegation_open ON rm.delegation (tenant, created_at, id) WHERE ended_at IS NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE rm.delegation');
  }
}
