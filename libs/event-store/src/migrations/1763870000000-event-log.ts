import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tables of the log. Identifiers use the "C" collation: they are compared byte by byte, never sorted for people. */
export class EventLog1763870000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [LOG, EVENT, STREAM, WORK, OWNERSHIP, DERIVED]) await runner.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('an append-only log is not migrated down: restore a backup instead');
  }
}

const LOG = `
  CREATE TABLE es.log (
    log_id smallint PRIMARY KEY,
    name text NOT NULL UNIQUE,
    size bigint NOT NULL DEFAULT 0,
    frontier bytea NOT NULL DEFAULT '',
    epoch integer NOT NULL DEFAULT 1
  ) WITH (fillfactor = 10);
  COMMENT ON TABLE es.log IS 'One head row a log. Its lock orders all appends.';
  COMMENT ON COLUMN es.log.frontier IS 'RFC 6962 compact range: the roots of the perfect subtrees, smallest first, 32 bytes each.';
  INSERT INTO es.log (log_id, name) VALUES (1, replace(gen_random_uuid()::text, '-', ''))`;

const EVENT = `
  CREATE TABLE es.event (
    log_id smallint NOT NULL,
    position bigint NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    stream_type text COLLATE "C" NOT NULL,
    stream_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    schema_version integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    canonical bytea NOT NULL,
    leaf_hash bytea NOT NULL,
    PRIMARY KEY (log_id, position)
  ) PARTITION BY RANGE (position);
  CREATE INDEX event_stream ON es.event (stream_id, version);
  -- Ciphertext does not compress: do not try.
  ALTER TABLE es.event ALTER COLUMN canonical SET STORAGE EXTERNAL;
  COMMENT ON COLUMN es.event.canonical IS 'RFC 8785 JSON of the envelope: exactly what is hashed.';
  CREATE TABLE es.event_type (
    type text COLLATE "C" NOT NULL,
    schema_version integer NOT NULL,
    PRIMARY KEY (type, schema_version)
  );
  CREATE TABLE es.event_partition (
    name text PRIMARY KEY,
    from_position bigint NOT NULL UNIQUE,
    to_position bigint NOT NULL CHECK (to_position > from_position)
  )`;

const STREAM = `
  CREATE TABLE es.stream (
    log_id smallint NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    partition smallint,
    version bigint NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    open boolean NOT NULL DEFAULT false,
    wake_at timestamptz,
    request_digest bytea,
    data_key bytea,
    PRIMARY KEY (id, tenant, type)
  ) WITH (fillfactor = 70);
  CREATE INDEX stream_timer ON es.stream (partition, wake_at) WHERE open;
  -- The aggregates of which there are few, and which are read as a whole; delegations are neither.
  CREATE INDEX stream_of_type ON es.stream (type, tenant, id) WHERE type <> 'delegation';
  COMMENT ON TABLE es.stream IS 'Version fence, permanent idempotency of a request by id, takeover list, durable timer and read bound.';
  COMMENT ON COLUMN es.stream.data_key IS 'Wrapped key of the stream''s personal data; null when it has none or when it was erased.';
  CREATE TABLE es.idempotency (
    tenant text COLLATE "C" NOT NULL,
    principal text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    request_digest bytea NOT NULL,
    stream_type text COLLATE "C" NOT NULL,
    stream_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (key, principal, tenant)
  );
  CREATE TABLE es.subject_key (
    tenant text COLLATE "C" NOT NULL,
    subject bytea NOT NULL,
    kid text COLLATE "C" NOT NULL,
    wrapped_key bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, subject, kid)
  );
  CREATE UNIQUE INDEX subject_key_current ON es.subject_key (tenant, subject) WHERE wrapped_key IS NOT NULL;
  COMMENT ON COLUMN es.subject_key.subject IS 'Blind index (HMAC) of the data subject.';
  COMMENT ON COLUMN es.subject_key.wrapped_key IS 'Null: destroyed.'`;

const WORK = `
  CREATE TABLE es.slot (
    tenant text COLLATE "C" NOT NULL,
    delegation_id text COLLATE "C" NOT NULL,
    step_id text COLLATE "C" NOT NULL,
    attempt integer NOT NULL,
    lease integer NOT NULL,
    instance text COLLATE "C" NOT NULL,
    capability text COLLATE "C" NOT NULL,
    key text COLLATE "C",
    partition smallint,
    PRIMARY KEY (delegation_id, step_id, tenant)
  ) WITH (fillfactor = 70);
  CREATE TABLE es.waiting (
    tenant text COLLATE "C" NOT NULL,
    capability text COLLATE "C" NOT NULL,
    urgency bigint NOT NULL,
    key text COLLATE "C",
    since timestamptz NOT NULL,
    rank bigint GENERATED ALWAYS AS IDENTITY,
    delegation_id text COLLATE "C" NOT NULL,
    step_id text COLLATE "C" NOT NULL,
    attempt integer NOT NULL,
    PRIMARY KEY (delegation_id, step_id, tenant)
  );
  CREATE INDEX waiting_head ON es.waiting (tenant, capability, urgency, rank);
  CREATE INDEX waiting_key ON es.waiting (tenant, capability, key, urgency, rank);
  COMMENT ON COLUMN es.waiting.urgency IS 'Smaller goes first: when the step began to wait, in milliseconds, less what its priority is worth.'`;

const OWNERSHIP = `
  CREATE TABLE es.lease_owner (
    name text COLLATE "C" PRIMARY KEY,
    owner text NOT NULL,
    epoch bigint NOT NULL,
    lease_until timestamptz NOT NULL
  ) WITH (fillfactor = 50);
  CREATE TABLE es.partition_member (
    owner text COLLATE "C" PRIMARY KEY,
    lease_until timestamptz NOT NULL
  ) WITH (fillfactor = 50);
  CREATE TABLE es.partition_owner (
    partition smallint PRIMARY KEY CHECK (partition BETWEEN 0 AND 15),
    owner text COLLATE "C",
    epoch bigint NOT NULL DEFAULT 0,
    lease_until timestamptz NOT NULL DEFAULT '-infinity'
  ) WITH (fillfactor = 50);
  INSERT INTO es.partition_owner (partition) SELECT generate_series(0, 15)`;

const DERIVED = `
  CREATE TABLE es.checkpoint (
    subscription text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
  ) WITH (fillfactor = 50);
  CREATE TABLE es.dead_letter (
    dead_letter_id text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    source text NOT NULL,
    reason text COLLATE "C" NOT NULL,
    detail text NOT NULL,
    payload bytea NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );
  CREATE INDEX dead_letter_tenant ON es.dead_letter (tenant, dead_letter_id);
  CREATE TABLE es.snapshot (
    tenant text COLLATE "C" NOT NULL,
    stream_type text COLLATE "C" NOT NULL,
    stream_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    reducer_hash text NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (stream_id, stream_type, tenant)
  )`;
