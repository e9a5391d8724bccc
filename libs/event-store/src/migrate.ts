/** Brings a database up to date and, if asked, makes the login under which services work. */
import { AppError } from '@mandate/kernel';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { EVENT_STORE_MIGRATIONS } from './migrations/index.js';

export interface MigrateOptions {
  /** Made, or given this password, as a member of `role`. */
  serviceLogin?: { user: string; password: string; role: ServiceRole };
}

/**
 * Roles of services, none of which can change an event. `mandate_service` appends and reads, and its members have its rights at once;
 * `mandate_audit` also destroys keys and drops what retention allows, so its members take it on where they need it (`inRole`).
 */
export type ServiceRole = 'mandate_service' | 'mandate_audit';

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

/**
 * What a service does at its start: with the owner's address it migrates and makes the login of `databaseUrl`; without it, it migrates if that login
 * may, and otherwise finds the tables made. Resolves to the address with which the service's own tables can be made, or null.
 */
export const migrateForService = async (
  { databaseUrl, ownerUrl }: { databaseUrl: string; ownerUrl?: string },
  role: ServiceRole,
): Promise<string | null> => {
  if (!ownerUrl && !(await mayMigrate(databaseUrl))) return null;
  await migrate(ownerUrl ?? databaseUrl, ownerUrl ? { serviceLogin: { ...loginOf(databaseUrl), role } } : {});
  return ownerUrl ?? databaseUrl;
};

const loginOf = (databaseUrl: string): { user: string; password: string } => {
  const { username, password } = new URL(databaseUrl);
  if (!username || !password)
    throw new AppError('CONFIG_INVALID', 'invalid', 'DATABASE_URL must name the user and the password under which services work');
  return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
};

/** The address whose connections work in `role` from their first statement on, with no other rights. */
export const inRole = (databaseUrl: string, role: ServiceRole): string => {
  const url = new URL(databaseUrl);
  url.searchParams.set('options', `${url.searchParams.get('options') ?? ''} -c role=${role}`.trim());
  return url.href;
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
const ensureLogin = async (client: pg.Client, { user, password, role }: Required<MigrateOptions>['serviceLogin']): Promise<void> => {
  const name = client.escapeIdentifier(user);
  const login = `LOGIN PASSWORD ${client.escapeLiteral(password)}`;
  for (let attempt = 1; ; attempt++) {
    try {
      const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [user]);
      await client.query(`${rowCount ? 'ALTER' : 'CREATE'} ROLE ${name} ${login}`);
      await client.query(`GRANT ${role} TO ${name}${role === 'mandate_service' ? '' : ' WITH INHERIT FALSE, SET TRUE'}`);
      return;
    } catch (error) {
      if (attempt === ROLE_ATTEMPTS || !changedMeanwhile(error)) throw error;
    }
  }
};

/** duplicate_object, unique_violation, and "tuple concurrently updated" (internal_error). */
const changedMeanwhile = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && ['42710', '23505', 'XX000'].includes(error.code ?? '');
