import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The search index: a row a term and segment of 4,096 events, so an event costs about a sixth of a row. Follows from the log and can be made
 * again: empty both tables, and the service indexes from the first segment on.
 */
export class SearchIndex1764090100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE audit.segment (segment bigint PRIMARY KEY)');
    await runner.query(`
      CREATE TABLE audit.term (
        tenant    text COLLATE "C" NOT NULL,
        term      text COLLATE "C" NOT NULL,
        segment   bigint NOT NULL REFERENCES audit.segment ON DELETE CASCADE,
        positions bytea NOT NULL,
        PRIMARY KEY (tenant, term, segment)
      )`);
    await runner.query('ALTER TABLE audit.term ALTER COLUMN positions SET STORAGE PLAIN');
    await runner.query('CREATE INDEX term_segment ON audit.term (segment)');
    await runner.query('GRANT SELECT, INSERT, DELETE ON audit.segment, audit.term TO mandate_audit');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit.term, audit.segment');
  }
}
