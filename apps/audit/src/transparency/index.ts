/** The transparency log of this process: signed, and proved to whoever asks. */
import { join } from 'node:path';
import { TreeHasher } from '@mandate/audit-log';
import type { EventStore } from '@mandate/event-store';
import { Gauge, type HealthRegistry, type Registry, type ServiceOptions } from '@mandate/service-host';
import { nodeCrypto } from '@mandate/signing';
import type { AuditLog } from '../http/audit-log.js';
import { LogProofs, type EventIndex } from './proofs.js';
import { Receipts } from './receipts.js';
import { ServedLog } from './served-log.js';
import { LogSigner } from './signer.js';
import { Transparency } from './transparency.js';
import { TreeStore } from './tree-store.js';

export type { LogProofs } from './proofs.js';
export { TreeStore } from './tree-store.js';

export interface TransparencyLog {
  served: AuditLog;
  proofs: LogProofs;
  /** A signature line of the log's key. */
  signText: (text: string) => string;
  signing: Transparency;
  /** Throws AppError `STATE_NOT_SHARED` where another folder than this process's holds the log's key. */
  assertShared: () => Promise<void>;
}

export const openTransparencyLog = async (
  store: EventStore,
  index: EventIndex,
  stateFolder: string,
  options: ServiceOptions,
): Promise<TransparencyLog> => {
  const { instance, log, logger, clock = { now: Date.now } } = options;
  const hasher = new TreeHasher(nodeCrypto.sha256);
  const trees = new TreeStore(store.database);
  const proofs = new LogProofs(hasher, trees, store.database, index);
  const { name } = await store.head();
  // By the log's own name: another database that is given the same folder is another log, not a past of this one.
  const signer = await LogSigner.open(hasher, join(stateFolder, 'signing', name), log?.origin ?? `mandate/${name}`);
  const witnesses = log?.witnesses ?? [];
  const receipts = new Receipts(proofs, store.database);
  const signing = new Transparency({ hasher, store, trees, proofs, signer, witnesses, instance, logger, clock });
  return {
    served: new ServedLog(proofs, trees, receipts, signer),
    proofs,
    signText: (text) => signer.signText(text),
    signing,
    assertShared: async () => signer.assertOwn((await trees.head()).checkpoint),
  };
};

export const watchSigning = (signing: Transparency, health: HealthRegistry, metrics: Registry): void => {
  health.add('signer', async () => {
    const { signs, signedSize } = signing.report();
    if (!signs) return 'another process signs';
    return signedSize < 0 ? 'about to sign' : `signed ${signedSize} events`;
  });
  const gauge = (name: string, help: string, read: () => number): void => {
    const made: Gauge = new Gauge({ name, help, registers: [metrics], collect: () => made.set(read()) });
  };
  const seconds = (): number => {
    try {
      const { signs, ageMs } = signing.report();
      return signs ? ageMs / 1000 : 0;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  };
  gauge(
    'mandate_log_signed_age_seconds',
    'Since the head of the log was signed by this process; 0 where another one signs, infinite while it cannot be.',
    seconds,
  );
};
