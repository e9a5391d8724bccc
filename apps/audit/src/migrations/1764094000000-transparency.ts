import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is served of the log beside its events: the tree's tiles, its last signed head, and where an event with an id stands. All of it follows from
 * the log, but tiles stay when retention drops the events below them. The signing key and the signer's memory are deliberately elsewhere.
 */
export class Transparency1764094000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [TREE, TILES, PLACES, RIGHTS]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('an append-only log is not migrated down: restore a backup instead');
  }
}

const TREE = `
  CREATE TABLE audit.log_tree (
    log_id smallint PRIMARY KEY,
    size bigint NOT NULL,
    checkpoint text,
    signed_size bigint NOT NULL DEFAULT 0,
    cosigned text,
    signed_at timestamptz
  ) WITH (fillfactor = 50);
  COMMENT ON COLUMN audit.log_tree.size IS 'As far as the tiles reach. Its lock orders those who make them.';
  COMMENT ON COLUMN audit.log_tree.cosigned IS 'The last checkpoint that every witness signed.';
  INSERT INTO audit.log_tree (log_id, size) VALUES (1, 0)`;

const TILES = `
  CREATE TABLE audit.log_tile (
    level smallint NOT NULL,
    index bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, index)
  );
  -- Hashes do not compress: do not try.
  ALTER TABLE audit.log_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
  COMMENT ON TABLE audit.log_tile IS 'C2SP tlog-tiles. The right-most of a level grows; a shorter one is its beginning.'`;

const PLACES = `
  CREATE TABLE audit.event_place (
    id bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (id, position)
  );
  COMMENT ON COLUMN audit.event_place.id IS 'The first 64 bits of the event id: who looks up compares the whole id.'`;

const RIGHTS = `
  GRANT SELECT, INSERT, UPDATE ON audit.log_tree, audit.log_tile TO mandate_audit;
  GRANT SELECT, INSERT ON audit.event_place TO mandate_audit`;
