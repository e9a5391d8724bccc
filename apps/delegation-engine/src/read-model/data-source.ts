/** The service's read models: TypeORM's part of the database. */
import { AppError } from '@mandate/kernel';
import { DataSource } from 'typeorm';
import { DelegationEntity } from './delegation.entity.js';
import { DelegationList1763870400000 } from './migrations/1763870400000-delegation-list.js';
import { Rebuild1764095000000 } from './migrations/1764095000000-rebuild.js';
import { WorkerReputation1764420000000 } from './migrations/1764420000000-worker-reputation.js';

export const READ_MODEL_ENTITIES = [DelegationEntity];
export const READ_MODEL_MIGRATIONS = [DelegationList1763870400000, Rebuild1764095000000, WorkerReputation1764420000000];

const READ_POOL = 4;

const dataSource = (url: string): DataSource =>
  new DataSource({
    type: 'postgres',
    url,
    schema: 'rm',
    entities: READ_MODEL_ENTITIES,
    migrations: READ_MODEL_MIGRATIONS,
    migrationsTableName: 'migration',
    poolSize: READ_POOL,
    applicationName: 'mandate-read',
    poolErrorHandler: () => undefined, // an idle connection that breaks is replaced
  });

export const openReadModel = async (databaseUrl: string): Promise<DataSource> => {
  const source = dataSource(databaseUrl);
  try {
    return await source.initialize();
  } catch (cause) {
    throw new AppError('STORE_UNAVAILABLE', 'unavailable', `the read model does not answer: ${String(cause)}`, {}, { cause });
  }
};

/** Serialises migrations of several processes that start at once. */
const MIGRATION_LOCK = [7365, 1];

/** Safe to call again and from several processes; needs the rights of the database's owner. */
export const migrateReadModel = async (databaseUrl: string): Promise<void> => {
  const source = await openReadModel(databaseUrl);
  const runner = source.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1, $2)', MIGRATION_LOCK);
    await runner.query('CREATE SCHEMA IF NOT EXISTS rm');
    await source.runMigrations({ transaction: 'all' });
    await runner.query('GRANT USAGE ON SCHEMA rm TO mandate_service');
    await runner.query('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rm TO mandate_service');
    await runner.query('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA rm TO mandate_service');
    await runner.query('SELECT pg_advisory_unlock($1, $2)', MIGRATION_LOCK);
  } finally {
    await runner.release();
    await source.destroy();
  }
};
