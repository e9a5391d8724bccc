/** What gave up: kept encrypted, with the cause and all that is known, until a person has it tried again or discards it. */
import { randomBytes } from 'node:crypto';
import type { DeadLetterFate, DeadLetterKind } from '@mandate/contracts';
import { ulid } from '@mandate/kernel';
import type { Database, Row } from './database.js';
import type { Keyring } from './keys.js';

export interface NewDeadLetter {
  /** A ULID; the same one is parked once. Default: a new one. */
  id?: string;
  tenant: string;
  /** Default: message. */
  kind?: DeadLetterKind;
  /** The subject, or whatever it came by. */
  source: string;
  /** A stable code. */
  reason: string;
  /** For people; no personal data. */
  detail: string;
  payload: Uint8Array;
  headers?: Readonly<Record<string, string>>;
  delegationId?: string | null;
  /** Of the step that failed. */
  capability?: string | null;
  /** Default: 1. */
  attempts?: number;
}

export interface DeadLetter extends Required<NewDeadLetter> {
  fate: DeadLetterFate;
  parkedAt: string;
  settledAt: string | null;
}

/** All that is named has to fit. */
export interface DeadLetterQuery {
  limit: number;
  /** The last id of the page before. */
  before?: string;
  ids?: readonly string[];
  fate?: DeadLetterFate;
  kind?: DeadLetterKind;
  reason?: string;
  capability?: string;
  delegationId?: string;
  since?: string;
  until?: string;
}

const PARK = {
  name: 'es_park',
  text: `INSERT INTO es.dead_letter (dead_letter_id, tenant, kind, source, reason, detail, payload, delegation_id, capability, attempts)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
};
const LIST = {
  name: 'es_dead_letters',
  text: `SELECT dead_letter_id, tenant, kind, source, reason, detail, payload, delegation_id, capability, attempts, fate, parked_at, settled_at
           FROM es.dead_letter
          WHERE tenant = $1 AND ($2::text IS NULL OR dead_letter_id < $2) AND ($4::text[] IS NULL OR dead_letter_id = ANY ($4))
            AND ($5::text IS NULL OR fate = $5) AND ($6::text IS NULL OR kind = $6) AND ($7::text IS NULL OR reason = $7)
            AND ($8::text IS NULL OR capability = $8) AND ($9::text IS NULL OR delegation_id = $9)
            AND ($10::timestamptz IS NULL OR parked_at >= $10) AND ($11::timestamptz IS NULL OR parked_at < $11)
          ORDER BY dead_letter_id DESC LIMIT $3`,
};
const SETTLE = { name: 'es_settle_dead_letter', text: 'SELECT es.settle_dead_letter($1, $2, $3) AS settled' };

/** NUL has no place in PostgreSQL's text, and hostile subjects and reasons may hold one. */
const storable = (text: string): string => text.replaceAll('\0', '\uFFFD');

export class DeadLetters {
  constructor(
    private readonly database: Database,
    private readonly keyring: Keyring,
  ) {}

  /** Resolves to its id once it is stored: only then may the message be acked away. */
  async park(letter: NewDeadLetter): Promise<string> {
    const { tenant, kind = 'message', source, reason, detail, payload, headers = {}, delegationId, capability, attempts = 1 } = letter;
    const id = letter.id ?? ulid(Date.now(), randomBytes(10));
    const content = Buffer.from(JSON.stringify({ headers, payload: Buffer.from(payload).toString('base64') }));
    await this.database.query(PARK, [
      id,
      storable(tenant),
      kind,
      storable(source),
      reason,
      storable(detail),
      this.keyring.sealDeadLetter(content, id),
      delegationId ?? null,
      capability ?? null,
      attempts,
    ]);
    return id;
  }

  /** Newest first. */
  async list(tenant: string, { limit, before, ids, ...rest }: DeadLetterQuery): Promise<DeadLetter[]> {
    const { fate, kind, reason, capability, delegationId, since, until } = rest;
    const filters = [ids, fate, kind, reason, capability, delegationId, since, until].map((value) => value ?? null);
    return (await this.database.query(LIST, [tenant, before ?? null, limit, ...filters])).map((row) => this.open(row));
  }

  /** Resolves to false when somebody else had decided already. */
  async settle(tenant: string, id: string, fate: 'redriven' | 'discarded'): Promise<boolean> {
    const [row] = await this.database.query(SETTLE, [tenant, id, fate]);
    return row?.['settled'] === true;
  }

  private open(row: Row): DeadLetter {
    const id = row['dead_letter_id'] as string;
    const sealed = row['payload'] as Buffer;
    const { headers, payload } =
      sealed.length === 0
        ? { headers: {}, payload: '' }
        : (JSON.parse(this.keyring.openDeadLetter(sealed, id).toString()) as { headers: Record<string, string>; payload: string });
    return {
      id,
      tenant: row['tenant'] as string,
      kind: row['kind'] as DeadLetterKind,
      source: row['source'] as string,
      reason: row['reason'] as string,
      detail: row['detail'] as string,
      payload: Buffer.from(payload, 'base64'),
      headers,
      delegationId: row['delegation_id'] as string | null,
      capability: row['capability'] as string | null,
      attempts: row['attempts'] as number,
      fate: row['fate'] as DeadLetterFate,
      parkedAt: (row['parked_at'] as Date).toISOString(),
      settledAt: (row['settled_at'] as Date | null)?.toISOString() ?? null,
    };
  }
}
