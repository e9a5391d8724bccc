/** A database a test file: cloned from a template that is made once a run (Graphile Worker's way). */
import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import { testRun } from './config.js';

export interface TestDatabase {
  /** Connects as the owner, who may do anything. */
  readonly url: string;
  readonly name: string;
  /** Drops the database. Close your own pools first: the test file fails on what is left open. */
  stop(): Promise<void>;
}

/** What a template holds. The same `key` means the same content: whoever comes first makes it, everyone clones it. */
export interface Template {
  name: string;
  key: string;
  fill(url: string): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Default `migrated`: the event store's migrations are applied. */
  template?: 'migrated' | 'empty' | Template;
}

const LOCK_SPACE = 0x6d616e64; // "mand": advisory locks of these helpers, by template

export const testDatabase = async ({ template = 'migrated' }: TestDatabaseOptions = {}): Promise<TestDatabase> => {
  const { postgresUrl } = testRun();
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asOwner(postgresUrl, async (client) => {
    const source = template === 'empty' ? 'template0' : await ensureTemplate(client, postgresUrl, await resolve(template));
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${source} STRATEGY FILE_COPY`);
  });
  return handleOf(postgresUrl, name);
};

/** What a backup of `database` would hold just now. Nobody may be connected to it. */
export const copyOfDatabase = async (database: TestDatabase): Promise<TestDatabase> => {
  const { postgresUrl } = testRun();
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asOwner(postgresUrl, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${database.name} STRATEGY FILE_COPY`));
  return handleOf(postgresUrl, name);
};

const handleOf = (postgresUrl: string, name: string): TestDatabase => ({
  name,
  url: inDatabase(postgresUrl, name),
  stop: () => asOwner(postgresUrl, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
});

const resolve = async (template: 'migrated' | Template): Promise<Template> =>
  template === 'migrated' ? (await import('./migrated-template.js')).migratedTemplate() : template;

const inDatabase = (serverUrl: string, database: string): string => {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
};

/** A database is a template only when it is complete, so one that a dead process left half filled is made again. */
const ensureTemplate = async (client: pg.Client, serverUrl: string, { name, key, fill }: Template): Promise<string> => {
  const database = `template_${createHash('sha256')
    .update(JSON.stringify([name, key]))
    .digest('hex')
    .slice(0, 16)}`;
  const lock = [LOCK_SPACE, Buffer.from(database.slice(-8), 'hex').readInt32BE()];
  await client.query('SELECT pg_advisory_lock($1, $2)', lock);
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1 AND datistemplate', [database]);
    if (rowCount) return database;
    await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${database} TEMPLATE template0`);
    await fill(inDatabase(serverUrl, database));
    await client.query(`ALTER DATABASE ${database} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`);
    return database;
  } finally {
    await client.query('SELECT pg_advisory_unlock($1, $2)', lock);
  }
};

const asOwner = async (url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
};
