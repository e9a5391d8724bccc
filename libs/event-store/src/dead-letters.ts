/** Messages that could not be taken: kept encrypted, with the reason, for a person to look at. */
import { randomBytes } from 'node:crypto';
import { ulid } from '@mandate/kernel';
import type { Database, Row } from './database.js';
import type { Keyring } from './keys.js';

export interface NewDeadLetter {
  tenant: string;
  /** The subject, or whatever it came by. */
  source: string;
  /** A stable code. */
  reason: string;
  /** For people; no personal data. */
  detail: string;
  payload: Uint8Array;
  headers?: Readonly<Record<string, string>>;
}

export interface DeadLetter extends Required<NewDeadLetter> {
  id: string;
  parkedAt: string;
}

const PARK = {
  name: 'es_park',
  text: 'INSERT INTO es.dead_letter (dead_letter_id, tenant, source, reason, detail, payload) VALUES ($1, $2, $3, $4, $5, $6)',
};
const LIST = {
  name: 'es_dead_letters',
  text: `SELECT dead_letter_id, tenant, source, reason, detail, payload, parked_at FROM es.dead_letter
          WHERE tenant = $1 AND ($2::text IS NULL OR dead_letter_id < $2) ORDER BY dead_letter_id DESC LIMIT $3`,
};

/** NUL has no place in PostgreSQL's text, and hostile subjects and reasons may hold one. */
const storable = (text: string): string => text.replaceAll('\0', '\uFFFD');

export class DeadLetters {
  constructor(
    private readonly database: Database,
    private readonly keyring: Keyring,
  ) {}

  /** Resolves to its id once it is stored: only then may the message be acked away. */
  async park({ tenant, source, reason, detail, payload, headers = {} }: NewDeadLetter): Promise<string> {
    const id = ulid(Date.now(), randomBytes(10));
    const content = Buffer.from(JSON.stringify({ headers, payload: Buffer.from(payload).toString('base64') }));
    await this.database.query(PARK, [
      id,
      storable(tenant),
      storable(source),
      reason,
      storable(detail),
      this.keyring.sealDeadLetter(content, id),
    ]);
    return id;
  }

  /** Newest first; `before` is the last id of the page before. */
  async list(tenant: string, options: { limit: number; before?: string }): Promise<DeadLetter[]> {
    return (await this.database.query(LIST, [tenant, options.before ?? null, options.limit])).map((row) => this.open(row));
  }

  private open(row: Row): DeadLetter {
    const id = row['dead_letter_id'] as string;
    const content = JSON.parse(this.keyring.openDeadLetter(row['payload'] as Buffer, id).toString()) as {
      headers: Record<string, string>;
      payload: string;
    };
    return {
      id,
      tenant: row['tenant'] as string,
      source: row['source'] as string,
      reason: row['reason'] as string,
      detail: row['detail'] as string,
      payload: Buffer.from(content.payload, 'base64'),
      headers: content.headers,
      parkedAt: (row['parked_at'] as Date).toISOString(),
    };
  }
}
