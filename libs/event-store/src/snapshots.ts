/** States kept beside the log, to fold less. Encrypted like what they were folded from; of another reducer they are ignored. */
import type { JsonObject } from '@mandate/kernel';
import type { Database } from './database.js';
import type { Keyring } from './keys.js';
import type { StreamId } from './types.js';

export interface Snapshot {
  version: number;
  state: JsonObject;
}

const SAVE = {
  name: 'es_snapshot_save',
  text: `INSERT INTO es.snapshot AS s (tenant, stream_type, stream_id, version, reducer_hash, state) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (stream_id, stream_type, tenant) DO UPDATE SET version = excluded.version, reducer_hash = excluded.reducer_hash, state = excluded.state
         WHERE s.version <= excluded.version OR s.reducer_hash <> excluded.reducer_hash`,
};
const LOAD = {
  name: 'es_snapshot_load',
  text: 'SELECT version, state FROM es.snapshot WHERE stream_id = $1 AND tenant = $2 AND stream_type = $3 AND reducer_hash = $4',
};

export class Snapshots {
  /** `reducerHash`: changes whenever the fold does. */
  constructor(
    private readonly database: Database,
    private readonly keyring: Keyring,
    private readonly reducerHash: string,
  ) {}

  async save(tenant: string, stream: StreamId, { version, state }: Snapshot): Promise<void> {
    const sealed = this.keyring.sealSnapshot(Buffer.from(JSON.stringify(state)), contextOf(tenant, stream, version));
    await this.database.query(SAVE, [tenant, stream.type, stream.id, version, this.reducerHash, sealed]);
  }

  /** The state and the version it was folded up to: read the stream from the next one on. Null when there is none of this reducer. */
  async load(tenant: string, stream: StreamId): Promise<Snapshot | null> {
    const [row] = await this.database.query(LOAD, [stream.id, tenant, stream.type, this.reducerHash]);
    if (!row) return null;
    const version = Number(row['version']);
    return {
      version,
      state: JSON.parse(this.keyring.openSnapshot(row['state'] as Buffer, contextOf(tenant, stream, version)).toString()) as JsonObject,
    };
  }
}

const contextOf = (tenant: string, stream: StreamId, version: number): string => `${tenant}|${stream.type}|${stream.id}|${version}`;
