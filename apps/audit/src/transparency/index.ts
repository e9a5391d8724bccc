/** The transparency log of this process: proofs for whoever asks; and signed, where there is a folder for the key. */
import { join } from 'node:path';
import { TreeHasher } from '@mandate/audit-log';
import type { EventStore } from '@mandate/event-store';
import { Gauge, type HealthRegistry, type Registry, type ServiceOptions } from '@mandate/service-host';
import { nodeCrypto } from '@mandate/signing';
import type { AuditLog } from '../http/audit-log.js';
import { LogProofs } from './proofs.js';
import { Receipts } from './receipts.js';
import { ServedLog } from './served-log.js';
import { LogSigner } from './signer.js';
import { Transparency } from './transparency.js';
import { TreeStore } from './tree-store.js';

export interface TransparencyLog {
  served: AuditLog;
  /** Null where nothing is signed. */
  signing: Transparency | null;
}

export const openTransparencyLog = async (store: EventStore, options: ServiceOptions): Promise<TransparencyLog> => {
  const { stateFolder, log, logger, clock = { now: Date.now } } = options;
  const hasher = new TreeHasher(nodeCrypto.sha256);
  const trees = new TreeStore(store.database);
  const proofs = new LogProofs(hasher, trees, store.database);
  const receipts = new Receipts(proofs, store.database);
  if (stateFolder === undefined) return { served: new ServedLog(proofs, trees, receipts, null), signing: null };
  const origin = log?.origin ?? `mandate/${(await store.head()).name}`;
  const signer = await LogSigner.open(hasher, join(stateFolder, 'signing'), origin);
  const witnesses = log?.witnesses ?? [];
  const signing = new Transparency({ hasher, store, trees, proofs, signer, witnesses, logger, clock });
  return { served: new ServedLog(proofs, trees, receipts, signer), signing };
};

export const watchSigning = (signing: Transparency, health: HealthRegistry, metrics: Registry): void => {
  health.add('signer', async () => `signed ${signing.report().signedSize} events`);
  const gauge = (name: string, help: string, read: () => number): void => {
    const made: Gauge = new Gauge({ name, help, registers: [metrics], collect: () => made.set(read()) });
  };
  const seconds = (): number => {
    try {
      return signing.report().ageMs / 1000;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  };
  gauge('mandate_log_signed_age_seconds', 'Since the head of the log was signed; infinite while it cannot be.', seconds);
};
