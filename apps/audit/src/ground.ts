/** What the audit service stands on: opened first and closed last. */
import { EventStore, inRole, Keyring } from '@mandate/event-store';
import type { ServiceOptions } from '@mandate/service-host';

export interface Ground {
  store: EventStore;
  keyring: Keyring;
}

/** Few: searches and exports read in short turns, and what takes turns with other processes (erasing, retention, dropping) holds one meanwhile. */
const POOL_SIZE = 6;

export const openGround = async ({ databaseUrl, masterKey, instance, clock }: ServiceOptions): Promise<Ground> => {
  const keyring = new Keyring(masterKey);
  const store = await EventStore.open({
    databaseUrl: inRole(databaseUrl, 'mandate_audit'),
    poolSize: POOL_SIZE,
    keyring,
    where: { service: 'audit', instance },
    ...(clock ? { clock } : {}),
  });
  return { store, keyring };
};

export const closeGround = ({ store }: Ground): Promise<void> => store.close();
