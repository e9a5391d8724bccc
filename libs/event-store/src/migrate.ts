/** Brings a database up to date and, if asked, makes the login under which services work. */
import pg from 'pg';
import { DataSource } from 'typeorm';
import { EVENT_STORE_MIGRATIONS } from './migrations/index.js';

export interface MigrateOptions {
  /** Made, or given this password, as a member of the role `mandate_service`: it may append and read, never change an event. */
  serviceLogin?: { user: string; password: string };
}

/** Advisory lock of migrations, so that several processes can start at once. */
const MIGRATION_LOCK = [7365, 0];

/** Safe to call again and from several processes. `databaseUrl` is the owner's: it must be allowed to create schemas and roles. */
export const migrate = async (databaseUrl: string, options: MigrateOptions = {}): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1, $2)', MIGRATION_LOCK);
    await client.query('CREATE SCHEMA IF NOT EXISTS es');
    await runMigrations(databaseUrl);
    await client.query('SELECT es.ensure_event_partitions()');
    if (options.serviceLogin) await ensureLogin(client, options.serviceLogin);
  } finally {
    await client.end();
  }
};

/** Whether the login of `databaseUrl` has the rights that migrations need; a service's own has not, and finds the tables made. */
export const mayMigrate = async (databaseUrl: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ may: boolean }>("SELECT has_database_privilege(current_database(), 'CREATE') AS may");
    return rows[0]?.may ?? false;
  } finally {
    await client.end();
  }
};

const runMigrations = async (url: string): Promise<void> => {
  const dataSource = new DataSource({
    type: 'postgres',
    url,
    schema: 'es',
    migrations: EVENT_STORE_MIGRATIONS,
    migrationsTableName: 'migration',
  });
  await dataSource.initialize();
  try {
    await dataSource.runMigrations({ transaction: 'all' });
  } finally {
    await dataSource.destroy();
  }
};

const ROLE_ATTEMPTS = 10;

/** Roles are shared by all databases of a cluster: someone else may change the same one at the same moment. */
const ensureLogin = async (client: pg.Client, { user, password }: { user: string; password: string }): Promise<void> => {
  const name = client.escapeIdentifier(user);
  const login = `LOGIN PASSWORD ${client.escapeLiteral(password)}`;
  for (let attempt = 1; ; attempt++) {
    try {
      const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [user]);
      await client.query(`${rowCount ? 'ALTER' : 'CREATE'} ROLE ${name} ${login}`);
      await client.query(`GRANT mandate_service TO ${name}`);
      return;
    } catch (error) {
      if (attempt === ROLE_ATTEMPTS || !changedMeanwhile(error)) throw error;
    }
  }
};

/** duplicate_object, unique_violation, and "tuple concurrently updated" (internal_error). */
const changedMeanwhile = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && ['42710', '23505', 'XX000'].includes(error.code ?? '');
