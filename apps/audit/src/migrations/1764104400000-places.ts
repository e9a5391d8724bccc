import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Where an event with an id stands, kept packed beside the search index: a row an event at a random place of an index was more than half of what the
 * audit service cost. What is in `audit.event_place` stays there and is still found; nothing is added to it.
 */
export class Places1764104400000 implements MigrationInterface {
  readonly name = 'Places1764104400000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [SEGMENTS, PLACES, TERMS, RIGHTS]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('ids of later events are only here: make the index again instead');
  }
}

/** What the tree has not reached is in no index of ids yet: it is indexed again. */
const SEGMENTS = `
  DELETE FROM audit.segment WHERE (segment + 1) * 4096 > (SELECT size FROM audit.log_tree WHERE log_id = 1);
  ALTER TABLE audit.segment ADD COLUMN ids bytea;
  ALTER TABLE audit.segment ALTER COLUMN ids SET STORAGE EXTERNAL;
  COMMENT ON COLUMN audit.segment.ids IS 'The first 40 bits of each id, by position, until its run of sixteen segments is folded.';
  CREATE INDEX segment_unfolded ON audit.segment (segment) WHERE ids IS NOT NULL`;

const PLACES = `
  CREATE TABLE audit.place (
    bucket smallint NOT NULL,
    run bigint NOT NULL,
    entries bytea NOT NULL,
    PRIMARY KEY (bucket, run)
  );
  ALTER TABLE audit.place ALTER COLUMN entries SET STORAGE EXTERNAL;
  COMMENT ON TABLE audit.place IS 'Of 65,536 positions those ids whose first byte is the bucket: the next four bytes and the offset in the run.'`;

/** A check of each term costs more than the term; both tables are written and forgotten in one transaction. */
const TERMS = 'ALTER TABLE audit.term DROP CONSTRAINT term_segment_fkey';

const RIGHTS = `
  GRANT SELECT, INSERT, UPDATE, DELETE ON audit.place TO mandate_audit;
  GRANT UPDATE (positions) ON audit.term TO mandate_audit;
  GRANT UPDATE (ids) ON audit.segment TO mandate_audit;
  REVOKE INSERT ON audit.event_place FROM mandate_audit`;
