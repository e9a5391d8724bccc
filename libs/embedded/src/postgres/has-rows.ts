/** Whether a table exists and holds anything. The client is loaded only when asked: the supervisor that asks once stays small. */
export const hasRows = async (databaseUrl: string, table: string): Promise<boolean> => {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const found = await client.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [table]);
    if (!found.rows[0]?.exists) return false;
    return (await client.query(`SELECT 1 FROM ${table.split('.').map(pg.escapeIdentifier).join('.')} LIMIT 1`)).rowCount === 1;
  } finally {
    await client.end();
  }
};
