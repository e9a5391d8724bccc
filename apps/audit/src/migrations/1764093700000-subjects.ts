import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Follows from the log: emptied, it is made again. */
export class Subjects1764093700000 implements MigrationInterface {
  readonly name = 'Subjects1764093700000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE audit.subject_stream (
        tenant      text COLLATE "C" NOT NULL,
        subject     bytea NOT NULL,
        stream_type text COLLATE "C" NOT NULL,
        stream_id   text COLLATE "C" NOT NULL,
        position    bigint NOT NULL,
        PRIMARY KEY (tenant, subject, stream_type, stream_id)
      )`);
    await runner.query('CREATE TABLE audit.subject_index (position bigint NOT NULL)');
    await runner.query('INSERT INTO audit.subject_index VALUES (0)');
    await runner.query('GRANT SELECT, INSERT ON audit.subject_stream TO mandate_audit');
    await runner.query('GRANT SELECT, UPDATE ON audit.subject_index TO mandate_audit');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit.subject_stream, audit.subject_index');
  }
}
