/** Whose data an erasure reaches: the delegations asked for, and all that they led to. */
import type { EventStore } from '@mandate/event-store';

const CHILD_ADMITTED = 'dev.mandate.delegation.childadmitted.v1';
/** Streams read at a time. */
const ABREAST = 4;

/** `roots` and every delegation below them, each once. */
export const withDescendants = async (store: EventStore, tenant: string, roots: readonly string[]): Promise<string[]> => {
  const found = new Set(roots);
  const queue = [...roots];
  const work = async (): Promise<void> => {
    for (let id = queue.pop(); id !== undefined; id = queue.pop())
      for (const child of await childrenOf(store, tenant, id)) {
        if (found.has(child)) continue;
        found.add(child);
        queue.push(child);
      }
  };
  // A worker that finds the queue empty leaves; whoever fills it again goes on with it.
  await Promise.all(Array.from({ length: ABREAST }, work));
  return [...found].sort();
};

const childrenOf = async (store: EventStore, tenant: string, id: string): Promise<string[]> =>
  (await store.readStream({ tenant, stream: { type: 'delegation', id } }))
    .filter(({ type }) => type === CHILD_ADMITTED)
    .map(({ data }) => data['childId'] as string);

/** Those that still run. */
export const openOnes = async (store: EventStore, tenant: string, ids: readonly string[]): Promise<string[]> => {
  const open: string[] = [];
  for (const id of ids) if ((await store.findStream(tenant, { type: 'delegation', id }))?.open) open.push(id);
  return open;
};
