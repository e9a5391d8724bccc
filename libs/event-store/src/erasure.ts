/** Destroying the keys of personal data: what they sealed stays in the log, unreadable, and no leaf of the tree changes. */
import type { Database, Row } from './database.js';

/** What is made unreadable. Keys by name, so that repeating it never reaches one that was made later. */
export interface KeysOf {
  tenant: string;
  /** Blind index of the data subject; null: only delegations. */
  subject: Buffer | null;
  kids: readonly string[];
  /** Ids of delegations whose own keys go. */
  delegations: readonly string[];
}

export interface Destroyed {
  subjectKeys: number;
  streamKeys: number;
  snapshots: number;
}

const KIDS = {
  name: 'es_kids_of_subject',
  text: 'SELECT kid FROM es.subject_key WHERE tenant = $1 AND subject = $2 AND wrapped_key IS NOT NULL',
};
const DESTROY = {
  name: 'es_destroy_keys',
  text: 'SELECT subject_keys, stream_keys, snapshots FROM es.destroy_keys($1, $2, $3, $4)',
};
const REMOVE = { name: 'es_remove_dead_letters', text: 'SELECT es.remove_dead_letters($1, $2) AS removed' };

/** Names of the keys that a data subject has just now. */
export const kidsOfSubject = async (database: Database, tenant: string, subject: Buffer): Promise<string[]> =>
  (await database.query(KIDS, [tenant, subject])).map((row) => row['kid'] as string);

/** Safe to repeat: what is gone is not counted again. Needs the rights of `mandate_audit`. */
export const destroyKeys = async (database: Database, { tenant, subject, kids, delegations }: KeysOf): Promise<Destroyed> => {
  const [row] = (await database.query(DESTROY, [tenant, subject, kids, delegations])) as [Row];
  return { subjectKeys: row['subject_keys'] as number, streamKeys: row['stream_keys'] as number, snapshots: row['snapshots'] as number };
};

/** Resolves to how many there were. */
export const removeDeadLetters = async (database: Database, tenant: string, ids: readonly string[]): Promise<number> => {
  const [row] = (await database.query(REMOVE, [tenant, ids])) as [Row];
  return row['removed'] as number;
};
