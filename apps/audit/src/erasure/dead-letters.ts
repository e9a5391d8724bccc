/** Messages that could not be taken hold what was asked in the clear of their own key: those of an erased person go. */
import { removeDeadLetters, type DeadLetter, type DeadLetters, type EventStore, type Keyring } from '@mandate/event-store';

const PAGE = 200;
/** `mandate.v1.<tenant>.<family>.<delegation>…` */
const DELEGATION_TOKEN = 4;

export interface Reach {
  tenant: string;
  subject: Buffer | null;
  delegations: ReadonlySet<string>;
}

/** Resolves to how many were removed. */
export const purgeDeadLetters = async (store: EventStore, letters: DeadLetters, keyring: Keyring, reach: Reach): Promise<number> => {
  let removed = 0;
  let before: string | undefined;
  for (;;) {
    const page = await letters.list(reach.tenant, { limit: PAGE, ...(before === undefined ? {} : { before }) });
    const ids = page.filter((letter) => concerns(letter, keyring, reach)).map(({ id }) => id);
    if (ids.length > 0) removed += await removeDeadLetters(store.database, reach.tenant, ids);
    before = page.at(-1)?.id;
    if (before === undefined || page.length < PAGE) return removed;
  }
};

const concerns = ({ source, payload }: DeadLetter, keyring: Keyring, { tenant, subject, delegations }: Reach): boolean => {
  if (delegations.has(source.split('.')[DELEGATION_TOKEN] ?? '')) return true;
  const { dataSubject, id } = documentOf(payload);
  if (typeof id === 'string' && delegations.has(id)) return true;
  return subject !== null && typeof dataSubject === 'string' && keyring.blindIndex(tenant, dataSubject).equals(subject);
};

/** What could not be read may name anybody or nobody: without a document there is nothing to compare. */
const documentOf = (payload: Uint8Array): Record<string, unknown> => {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(payload));
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
};
