/** Finds or makes the key under which an event's personal data is encrypted, and keeps the last ones unwrapped. */
import type { Clock } from '@mandate/kernel';
import type { Database } from './database.js';
import type { EventKey, PersonalBlob } from './envelope.js';
import type { DataKey, Keyring } from './keys.js';
import { LruMap } from './lru.js';
import type { AppendEntry, StreamId } from './types.js';

const CACHED_KEYS = 20_000;
/** After this long a key is looked up again: so long may an erased person still be read where a process had the key in memory. */
const REMEMBERED_MS = 60_000;

export interface EntryKey extends EventKey {
  /** The append stores it: no event of the stream was encrypted before. */
  isNew: boolean;
}

const STREAM_KEY = { name: 'es_stream_key', text: 'SELECT data_key FROM es.stream WHERE id = $1 AND tenant = $2 AND type = $3' };
const CURRENT_SUBJECT_KEY = {
  name: 'es_subject_key_current',
  text: 'SELECT wrapped_key FROM es.subject_key WHERE tenant = $1 AND subject = $2 AND wrapped_key IS NOT NULL',
};
const ADD_SUBJECT_KEY = {
  name: 'es_subject_key_add',
  text: 'INSERT INTO es.subject_key (tenant, subject, kid, wrapped_key) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
};
const SUBJECT_KEY = {
  name: 'es_subject_key',
  text: 'SELECT wrapped_key FROM es.subject_key WHERE tenant = $1 AND subject = $2 AND kid = $3',
};

export const streamKeyOf = (tenant: string, stream: StreamId): string => `${tenant}|${stream.type}|${stream.id}`;

export class DataKeys {
  private readonly ofStreams = new LruMap<string, { key: DataKey; stored: boolean; until: number }>(CACHED_KEYS);
  private readonly ofSubjects = new LruMap<string, { key: DataKey; until: number }>(CACHED_KEYS);

  constructor(
    private readonly database: Database,
    private readonly keyring: Keyring,
    private readonly clock: Clock,
  ) {}

  /** The key for new personal data of `entry`; a promise only when the database has to be asked. */
  forEntry(entry: AppendEntry, streamIsNew: boolean): EntryKey | Promise<EntryKey> {
    if (entry.dataSubject !== undefined) return this.ofSubject(entry.tenant, entry.dataSubject);
    const name = streamKeyOf(entry.tenant, entry.stream);
    const cached = this.rememberedOfStream(name);
    if (cached) return { key: cached.key, place: 'stream', isNew: !cached.stored };
    return streamIsNew ? this.newForStream(name) : this.loadOrMake(name, entry);
  }

  /** The append that carried the key is committed. */
  stored(tenant: string, stream: StreamId): void {
    const cached = this.ofStreams.get(streamKeyOf(tenant, stream));
    if (!cached || cached.stored) return;
    cached.stored = true;
    cached.until = this.until;
  }

  forget(tenant: string, stream: StreamId): void {
    this.ofStreams.delete(streamKeyOf(tenant, stream));
  }

  /** Keys were destroyed: what is stored is looked up again. */
  forgetStored(): void {
    this.ofStreams.keep(({ stored }) => !stored);
    this.ofSubjects.keep(() => false);
  }

  /** The key that opens `blob`; null when it was destroyed. */
  async forReading(tenant: string, stream: StreamId, { place, kid }: PersonalBlob): Promise<DataKey | null> {
    const key = place === 'stream' ? await this.load(tenant, stream) : await this.storedOfSubject(tenant, place.subject, kid);
    return key?.kid === kid ? key : null;
  }

  private newForStream(name: string): EntryKey {
    const key = this.keyring.newDataKey();
    this.ofStreams.set(name, { key, stored: false, until: Infinity });
    return { key, place: 'stream', isNew: true };
  }

  private rememberedOfStream(name: string): { key: DataKey; stored: boolean } | undefined {
    const cached = this.ofStreams.get(name);
    if (!cached || cached.until > this.clock.now()) return cached;
    this.ofStreams.delete(name);
    return undefined;
  }

  private rememberedOfSubject(subject: string): DataKey | undefined {
    const cached = this.ofSubjects.get(subject);
    if (!cached || cached.until > this.clock.now()) return cached?.key;
    this.ofSubjects.delete(subject);
    return undefined;
  }

  private get until(): number {
    return this.clock.now() + REMEMBERED_MS;
  }

  private async loadOrMake(name: string, { tenant, stream }: AppendEntry): Promise<EntryKey> {
    const key = await this.load(tenant, stream);
    return key ? { key, place: 'stream', isNew: false } : this.newForStream(name);
  }

  /** The stream's own key as it is stored; null when it has none. */
  async load(tenant: string, stream: StreamId): Promise<DataKey | null> {
    const name = streamKeyOf(tenant, stream);
    const cached = this.rememberedOfStream(name);
    if (cached) return cached.key;
    const [row] = await this.database.query(STREAM_KEY, [stream.id, tenant, stream.type]);
    const wrapped = row?.['data_key'] as Buffer | null | undefined;
    if (!wrapped) return null;
    const key = this.keyring.unwrap(wrapped);
    this.ofStreams.set(name, { key, stored: true, until: this.until });
    return key;
  }

  private async ofSubject(tenant: string, dataSubject: string): Promise<EntryKey> {
    const subject = this.keyring.blindIndex(tenant, dataSubject);
    const place = { subject: subject.toString('hex') };
    const cached = this.rememberedOfSubject(place.subject);
    if (cached) return { key: cached, place, isNew: false };
    const made = this.keyring.newDataKey();
    const find = (): Promise<Buffer | undefined> =>
      this.database.query(CURRENT_SUBJECT_KEY, [tenant, subject]).then(([row]) => row?.['wrapped_key'] as Buffer | undefined);
    let wrapped = await find();
    if (!wrapped) {
      await this.database.query(ADD_SUBJECT_KEY, [tenant, subject, made.kid, made.wrapped]);
      wrapped = (await find()) ?? made.wrapped;
    }
    const key = this.keyring.unwrap(wrapped);
    this.ofSubjects.set(place.subject, { key, until: this.until });
    return { key, place, isNew: false };
  }

  private async storedOfSubject(tenant: string, subject: string, kid: string): Promise<DataKey | null> {
    const cached = this.rememberedOfSubject(subject);
    if (cached?.kid === kid) return cached;
    const [row] = await this.database.query(SUBJECT_KEY, [tenant, Buffer.from(subject, 'hex'), kid]);
    const wrapped = row?.['wrapped_key'] as Buffer | null | undefined;
    return wrapped ? this.keyring.unwrap(wrapped) : null;
  }
}
