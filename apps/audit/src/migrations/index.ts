/** The service's own tables, in the schema `audit`: all of them follow from the log. */
import { DataSource } from 'typeorm';
import { SearchIndex1764090100000 } from './1764090100000-search-index.js';
import { Subjects1764093700000 } from './1764093700000-subjects.js';
import { Places1764104400000 } from './1764104400000-places.js';
import { Transparency1764094000000 } from './1764094000000-transparency.js';

export const AUDIT_MIGRATIONS = [SearchIndex1764090100000, Subjects1764093700000, Transparency1764094000000, Places1764104400000];

/** Serialises migrations of several processes that start at once. */
const MIGRATION_LOCK = [7365, 3];

/** Safe to call again and from several processes; needs the rights of the database's owner. */
export const migrateAudit = async (ownerUrl: string): Promise<void> => {
  const source = new DataSource({
    type: 'postgres',
    url: ownerUrl,
    schema: 'audit',
    migrations: AUDIT_MIGRATIONS,
    migrationsTableName: 'migration',
  });
  await source.initialize();
  const runner = source.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1, $2)', MIGRATION_LOCK);
    await runner.query('CREATE SCHEMA IF NOT EXISTS audit');
    await source.runMigrations({ transaction: 'all' });
    await runner.query('GRANT USAGE ON SCHEMA audit TO mandate_audit');
    await runner.query('SELECT pg_advisory_unlock($1, $2)', MIGRATION_LOCK);
  } finally {
    await runner.release();
    await source.destroy();
  }
};
