/**
 * What each tenant's outcomes have taught its recogniser, as every engine knows it: folded from the tenant's lessons, from the last snapshot on,
 * when the bus tells of a new one. A layer is a function of the model under it, the lessons up to a version and the goals that can still be read.
 */
import { createHash } from 'node:crypto';
import { subjects } from '@mandate/contracts';
import { learnSynonyms, type AnsweredBy, type Delegation, type SynonymCounts, type Synonyms } from '@mandate/delegation';
import { Snapshots, type EventStore, type Keyring, type RecordedEvent } from '@mandate/event-store';
import {
  decodeTenant,
  newTenant,
  tenantRecogniser,
  type Recognition,
  type RecognitionInput,
  type TenantRecogniser,
} from '@mandate/recognition';
import type { Logger } from '@mandate/service-host';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { fold } from './recorded.js';
import { RECOGNISER_STREAM, type RecogniserEvent } from './lesson-events.js';
import type { Models } from './models.js';

export interface Layer {
  recogniser: TenantRecogniser;
  digest: string;
  /** Words that stand for capabilities here. */
  synonyms: SynonymCounts;
  /** Of the tenant's lessons; 0 = none. */
  version: number;
  /** Of the last event that was learnt from. */
  position: number;
  /** Of the log, when its folding began: what was erased later is perhaps still in it. */
  since: number;
}

export interface LayersOptions {
  connection: NatsConnection;
  store: EventStore;
  keyring: Keyring;
  logger: Logger;
  models: Models;
}

/** A snapshot's state. */
interface Kept {
  layer: string;
  words: [number, Record<string, number>][];
  position: number;
  since: number;
}

interface TaughtLesson {
  lesson: RecogniserEvent['data'];
  version: number;
  input: RecognitionInput | null;
  /** The delegation whose graph teaches words, too. */
  used: Delegation | null;
}

/** A layer is about a megabyte: the tenants heard of last stay in memory. */
const KEPT = 64;
const PAGE = 200;
/** Streams of erasures. */
const ERASURE = 'erasure';
/** Changes whenever the same lessons would give other bytes. */
const FOLD = 'tenant-layer-4';
export const SNAPSHOT_EVERY = 64;

export class Layers {
  /** Used last at the end. */
  private readonly known = new Map<string, Layer>();
  private readonly loading = new Map<string, Promise<Layer>>();
  /** By the digest of the model under them: layers of tenants without lessons. */
  private readonly plains = new Map<string, Layer>();
  private subscription: Subscription | undefined;

  constructor(private readonly options: LayersOptions) {}

  /** Answers with what this engine has read so far; a tenant that it does not know yet is read meanwhile. */
  recognise(tenant: string, input: RecognitionInput): Recognition & { answeredBy: AnsweredBy } {
    const layer = this.known.get(tenant);
    if (layer) this.keep(tenant, layer);
    else if (!this.loading.has(tenant)) void this.current(tenant).catch((error: unknown) => this.trouble(tenant, error));
    const { recogniser, digest, version } = layer ?? this.plain(tenant);
    const { recognition } = recogniser.answer(input);
    return { ...recognition, answeredBy: version === 0 ? { digest } : { digest, layer: version } };
  }

  /** Words that were used for capabilities in this tenant, as far as this engine has read. */
  synonyms(tenant: string): Synonyms {
    return (this.known.get(tenant) ?? this.plain(tenant)).synonyms;
  }

  /** Listens first, so that nothing falls between the reading and the listening. */
  async start(): Promise<void> {
    this.subscription = this.options.connection.subscribe(subjects.event('*', RECOGNISER_STREAM.type, RECOGNISER_STREAM.id), {
      callback: (error, message) => {
        const tenant = message.subject.split('.')[2] ?? '';
        if (!error && this.known.has(tenant)) void this.current(tenant).catch((failure: unknown) => this.trouble(tenant, failure));
      },
    });
    for (const { tenant } of await this.options.store.streamsOfType(RECOGNISER_STREAM.type, KEPT)) await this.current(tenant);
  }

  stop(): void {
    this.subscription?.unsubscribe();
  }

  /** After an erasure of a tenant, or an outage of the bus, in which lessons and erasures may have been missed. */
  async load(): Promise<void> {
    for (const tenant of [...this.known.keys()]) await this.current(tenant).catch((error: unknown) => this.trouble(tenant, error));
  }

  /** The layer with every lesson that the log holds now. One reading of a tenant at a time; who comes meanwhile waits for one more. */
  current(tenant: string): Promise<Layer> {
    const before = this.loading.get(tenant) ?? Promise.resolve();
    const next = before.catch(() => undefined).then(() => this.read(tenant));
    this.loading.set(tenant, next);
    const settled = (): void => {
      if (this.loading.get(tenant) === next) this.loading.delete(tenant);
    };
    next.then(settled, settled);
    return next;
  }

  /** The layer as it was after `version` lessons, folded anew from the log. */
  async at(tenant: string, version: number): Promise<Layer> {
    let layer = this.plain(tenant);
    for await (const page of this.lessons(tenant, 0, version)) layer = this.taught(tenant, layer, page);
    return layer;
  }

  /** Kept beside the log, so that a start folds only what came since. */
  async save(tenant: string): Promise<void> {
    await this.put(tenant, await this.current(tenant));
  }

  private async put(tenant: string, { recogniser, synonyms, version, position, since }: Layer): Promise<void> {
    const words = [...synonyms].map(([word, uses]): [number, Record<string, number>] => [word, Object.fromEntries(uses)]);
    const state = { position, since, words, layer: Buffer.from(recogniser.bytes()).toString('base64') };
    await this.snapshots(tenant).save(tenant, RECOGNISER_STREAM, { version, state });
  }

  private async read(tenant: string): Promise<Layer> {
    const { store } = this.options;
    const erasedAt = await store.lastOfType(tenant, ERASURE);
    const before = this.known.get(tenant) ?? (await this.loaded(tenant));
    const stale = before !== null && before.since < erasedAt;
    let layer = before && !stale ? before : { ...this.plain(tenant), since: (await store.head()).size };
    const { rollbacks } = layer.recogniser.state;
    this.keep(tenant, layer);
    for await (const page of this.lessons(tenant, layer.version)) {
      // Learnt and renamed without a pause: nobody is answered by half a page under the name of what was before.
      layer = this.taught(tenant, layer, page);
      this.keep(tenant, layer);
    }
    if (layer.recogniser.state.rollbacks > rollbacks)
      this.options.logger.warn({ tenant, lessons: layer.version }, 'lessons made a layer worse: it went back to where it was');
    if (stale && before.version > 0) await this.put(tenant, layer);
    return layer;
  }

  private keep(tenant: string, layer: Layer): void {
    this.known.delete(tenant);
    this.known.set(tenant, layer);
    if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value as string);
  }

  private plain(tenant: string): Layer {
    const { model, digest } = this.options.models(tenant);
    const known = this.plains.get(digest);
    if (known) return known;
    const plain: Layer = { recogniser: tenantRecogniser(model), digest, synonyms: new Map(), version: 0, position: 0, since: 0 };
    this.plains.set(digest, plain);
    return plain;
  }

  private snapshots(tenant: string): Snapshots {
    const { store, keyring, models } = this.options;
    return new Snapshots(store.database, keyring, `${FOLD}/${models(tenant).digest}`);
  }

  private fresh(tenant: string, since: number): Layer {
    const { model, digest } = this.options.models(tenant);
    return { recogniser: tenantRecogniser(model, newTenant(model)), digest, synonyms: new Map(), version: 0, position: 0, since };
  }

  private async loaded(tenant: string): Promise<Layer | null> {
    const snapshot = await this.snapshots(tenant).load(tenant, RECOGNISER_STREAM);
    if (!snapshot) return null;
    const { model } = this.options.models(tenant);
    const { layer, words, position, since } = snapshot.state as unknown as Kept;
    const state = decodeTenant(Buffer.from(layer, 'base64'), model.header.trainedOn);
    const synonyms = new Map(words.map(([word, uses]) => [word, new Map(Object.entries(uses))]));
    return this.named(tenant, { recogniser: tenantRecogniser(model, state), synonyms, version: snapshot.version, position, since });
  }

  /** What lies behind `after` in the log, page by page, with what the recogniser was asked. */
  private async *lessons(tenant: string, after: number, to = Infinity): AsyncGenerator<TaughtLesson[]> {
    const { store } = this.options;
    for (let version = after; version < to;) {
      const limit = Math.min(PAGE, to - version);
      const recorded = await store.readStream({ tenant, stream: RECOGNISER_STREAM, fromVersion: version + 1, limit });
      const page: TaughtLesson[] = [];
      for (const event of recorded) {
        const lesson = event.data as unknown as RecogniserEvent['data'];
        const stream = { type: 'delegation', id: lesson.delegationId };
        const graph = lesson.by === 'requester' || lesson.by === 'planner';
        const history = await store.readStream({ tenant, stream, decrypt: true, ...(graph ? {} : { limit: 1 }) });
        const used = graph
          ? fold(
              history.filter(({ position }) => position <= lesson.position),
              stream.id,
            )
          : null;
        page.push({ lesson, version: event.version, input: history[0] ? inputOf(history[0]) : null, used });
      }
      if (page.length > 0) yield page;
      if (page.length < limit) return;
      version += page.length;
    }
  }

  /**
   * Learns in place. A lesson whose goal was erased teaches nothing any more. Who gives a graph is not among those who ask to be read, so how often
   * each pattern is given says nothing of theirs: a graph teaches where its goal would have been read as another.
   */
  private taught(tenant: string, before: Layer, page: readonly TaughtLesson[]): Layer {
    const { recogniser, ...layer } = before.version === 0 ? this.fresh(tenant, before.since) : before;
    for (const { lesson, input, used } of page) {
      if (used) learnSynonyms(layer.synonyms, used);
      if (!input) continue;
      const answer = recogniser.answer(input);
      if (lesson.by === 'outcome') answer.learnTrial(lesson.pattern, lesson.succeeded);
      else if (lesson.by === 'feedback' || answer.recognition.pattern !== lesson.pattern) answer.learn(lesson.pattern);
    }
    const last = page.at(-1);
    return last
      ? this.named(tenant, { ...layer, recogniser, version: last.version, position: last.lesson.position })
      : { recogniser, ...layer };
  }

  private named(tenant: string, layer: Omit<Layer, 'digest'> & { digest?: string }): Layer {
    const { weights } = layer.recogniser.state.current;
    const digest = createHash('sha256').update(this.options.models(tenant).digest).update(littleEndian(weights)).digest('hex');
    return { ...layer, digest };
  }

  private trouble(tenant: string, error: unknown): void {
    this.options.logger.warn({ error: String(error), tenant }, 'lessons could not be read; the next one or the next start tries again');
  }
}

/** What the recogniser was asked; null once erased. */
export const inputOf = ({ personal }: RecordedEvent): RecognitionInput | null => {
  if (!personal || 'erased' in personal || typeof personal['goal'] !== 'string') return null;
  const tools = (personal['tools'] ?? []) as unknown as { id: string }[];
  return { text: personal['goal'], tools: tools.map(({ id }) => id) };
};

const littleEndian = (numbers: Float32Array): Uint8Array => {
  const bytes = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? bytes : Buffer.from(bytes).swap32();
};
