/** The audit service with a signing key, on a database that the test may do anything to, and the command line beside it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { audit } from '@mandate/audit';
import { formatCheckpoint, parseSignerKey, signedText, TreeHasher } from '@mandate/audit-log';
import { run } from '@mandate/cli';
import { EventStore, Keyring, type NewEvent } from '@mandate/event-store';
import { createLogger, serve, type LogOptions, type Served } from '@mandate/service-host';
import { nodeCrypto } from '@mandate/signing';
import { testDatabase, until, type TestDatabase } from '@mandate/testing';
import pg from 'pg';
import { ShiftedClock } from '../e2e/start-engine.js';

export const MASTER_KEY = '42'.repeat(32);
const logger = createLogger({ service: 'tests', instance: 'audit-1', level: 'silent' });

export interface Ran {
  status: number;
  out: string;
  err: string;
  json: Record<string, unknown>;
}

export interface AuditSceneOptions {
  log?: LogOptions;
  /** Default: one of its own. */
  signingKey?: string;
  /** Somebody else's, who stops it; default: one of its own. */
  database?: TestDatabase;
}

export class AuditScene {
  private served: Served | null = null;
  private store: EventStore | null = null;
  private readonly copies: string[] = [];
  /** Of the service. */
  readonly clock = new ShiftedClock();

  private constructor(
    private readonly database: TestDatabase,
    readonly folder: string,
    private readonly log: LogOptions,
    public databaseUrl = database.url,
    /** Of the signing key and of what it signed last. */
    public stateFolder = join(folder, 'state'),
  ) {}

  static async start({ log = {}, signingKey, database }: AuditSceneOptions = {}): Promise<AuditScene> {
    const scene = new AuditScene(
      database ? { ...database, stop: async () => undefined } : await testDatabase(),
      mkdtempSync(join(tmpdir(), 'mandate-audit-')),
      log,
    );
    if (signingKey !== undefined) keepKey(join(scene.stateFolder, 'signing', await logName(scene.databaseUrl)), signingKey);
    await scene.open();
    return scene;
  }

  /** Starts the service on the database that is the current one. */
  async open(): Promise<void> {
    const options = { databaseUrl: this.databaseUrl, natsUrl: 'nats://127.0.0.1:1', masterKey: MASTER_KEY, instance: 'audit-1', logger };
    this.served = await serve(
      [audit],
      { ...options, clock: this.clock, stateFolder: this.stateFolder, log: this.log },
      { host: '127.0.0.1', port: 0 },
    );
    const where = { service: 'tests', instance: 'tests-1' };
    this.store = await EventStore.open({ databaseUrl: this.databaseUrl, keyring: new Keyring(MASTER_KEY), where });
  }

  async close(): Promise<void> {
    await this.store?.close();
    await this.served?.close();
    this.store = this.served = null;
  }

  /** The store stays, for who appends beside other processes. */
  async closeService(): Promise<void> {
    await this.served?.close();
    this.served = null;
  }

  async size(): Promise<number> {
    return (await (this.store as EventStore).head()).size;
  }

  get url(): string {
    return (this.served as Served).url;
  }

  /** Of the one log that was signed with this state. */
  get signingFolder(): string {
    const signing = join(this.stateFolder, 'signing');
    return join(signing, readdirSync(signing)[0] as string);
  }

  get vkey(): string {
    return readFileSync(join(this.signingFolder, 'log.vkey'), 'utf8').trim();
  }

  /** Appends to a delegation of its own. Resolves to the events' ids. */
  async append(
    id: string,
    events: readonly Partial<NewEvent>[],
    { tenant = 'default', ...more }: { tenant?: string; dataSubject?: string; open?: boolean } = {},
  ): Promise<string[]> {
    const result = await (this.store as EventStore).append({
      ...more,
      tenant,
      stream: { type: 'delegation', id },
      expected: 'any',
      events: events.map((event) => ({
        type: 'dev.mandate.delegation.requested.v1',
        occurredAt: '2026-11-25T12:00:00.000Z',
        data: {},
        ...event,
      })),
      actor: { kind: 'agent', id: 'ann' },
      correlationId: id,
    });
    if (!result.ok) throw new Error(result.message);
    return result.events.map((event) => event.id);
  }

  /** Appends `count` events, in streams of twenty. */
  async appendMany(prefix: string, count: number): Promise<void> {
    for (let from = 0; from < count; from += 20)
      await this.append(
        `${prefix}-${from}`,
        Array.from({ length: Math.min(20, count - from) }, (_, i) => ({ data: { i } })),
      );
  }

  /** Waits until everything appended so far is signed; the checkpoint. */
  async signed(): Promise<string> {
    const { size } = await (this.store as EventStore).head();
    let checkpoint = '';
    await until(
      async () => {
        const response = await fetch(`${this.url}/api/audit/log/checkpoint`);
        checkpoint = await response.text();
        return Number(checkpoint.split('\n')[1]) >= size;
      },
      { what: `the signed head of ${size}`, timeoutMs: 15_000 },
    );
    return checkpoint;
  }

  async mandate(...args: string[]): Promise<Ran> {
    const ran = { out: '', err: '' };
    const streams = { stdout: { write: (text: string) => (ran.out += text) }, stderr: { write: (text: string) => (ran.err += text) } };
    const env = {
      MANDATE_API_URL: this.served?.url ?? 'http://127.0.0.1:1',
      DATABASE_URL: this.databaseUrl,
      MANDATE_STATE_DIR: this.stateFolder,
    };
    const status = await run({ args: ['audit', ...args], streams, env, cwd: this.folder });
    return { status, ...ran, json: ran.out.startsWith('{') ? (JSON.parse(ran.out) as Record<string, unknown>) : {} };
  }

  /** As superuser, past the triggers that refuse changes. */
  async tamper(...statements: string[]): Promise<void> {
    const client = new pg.Client({ connectionString: this.databaseUrl });
    await client.connect();
    try {
      for (const { relname } of (
        await client.query<{ relname: string }>(
          "SELECT relname FROM pg_class WHERE relname ~ '^event(_[0-9]+)?(_kept_[0-9]+)?$' AND relkind IN ('r', 'p')",
        )
      ).rows)
        await client.query(`ALTER TABLE es.${relname} DISABLE TRIGGER USER`);
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  /** A copy of the database as it is now; nobody may be connected to it. Resolves to its address. */
  async copy(name: string): Promise<string> {
    const copy = `${this.database.name}_${name}`;
    await this.onServer(`CREATE DATABASE ${copy} TEMPLATE ${new URL(this.databaseUrl).pathname.slice(1)} STRATEGY FILE_COPY`);
    this.copies.push(copy);
    const url = new URL(this.database.url);
    url.pathname = `/${copy}`;
    return url.href;
  }

  private async onServer(statement: string): Promise<void> {
    const url = new URL(this.database.url);
    url.pathname = '/postgres';
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    await client.query(statement);
    await client.end();
  }

  async stop(): Promise<void> {
    await this.close();
    for (const copy of this.copies) await this.onServer(`DROP DATABASE IF EXISTS ${copy} WITH (FORCE)`);
    await this.database.stop();
    rmSync(this.folder, { recursive: true });
  }
}

const logName = async (databaseUrl: string): Promise<string> => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ name: string }>('SELECT name FROM es.log');
  await client.end();
  return rows[0]?.name ?? '';
};

/** As if the key had been made here: it has signed nothing yet. */
const keepKey = (folder: string, text: string): void => {
  const signer = parseSignerKey(nodeCrypto, text);
  const empty = new TreeHasher(nodeCrypto.sha256).empty();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'signed'), signedText(signer, formatCheckpoint({ origin: signer.key.name, size: 0n, root: empty })));
  writeFileSync(join(folder, 'log.key'), text);
};
