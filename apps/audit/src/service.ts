/** The audit service as a service of its host: the trail searched, proved, replayed and kept within its retention. */
import { join } from 'node:path';
import { CommitCounter, DeadLetters, migrateForService, ReadRecorder, RefusalRecorder, type RecorderOptions } from '@mandate/event-store';
import { AppError, type Clock } from '@mandate/kernel';
import { nodeCrypto } from '@mandate/signing';
import { createServiceApp, type RunningService, type Service, type ServiceOptions } from '@mandate/service-host';
import { AuditModule } from './audit.module.js';
import { ErasureList, Erasures, SubjectIndex } from './erasure/index.js';
import { ExportProofs } from './export/export-proofs.js';
import { LogExports } from './export/log-exports.js';
import { WholeLog } from './export/whole-log.js';
import { closeGround, openGround, type Ground } from './ground.js';
import { HTTP_PREFIXES } from './http/index.js';
import { Keeper } from './keeper.js';
import { LearningExport } from './learning/learning-export.js';
import { LogReader } from './log/log-reader.js';
import { migrateAudit } from './migrations/index.js';
import { OwnEvents } from './own-events.js';
import { Reconciliation } from './reconciliation.js';
import { Archive, HoldFinder, RetentionLog, Retentions } from './retention/index.js';
import { LogReplay } from './replay/log-replay.js';
import { LogSearch } from './search/log-search.js';
import { SearchIndex } from './search/search-index.js';
import { openTransparencyLog, TreeStore, watchSigning, type TransparencyLog } from './transparency/index.js';

const NAME = 'audit';
const SYSTEM: Clock = { now: () => Date.now() };
/** Little at a time, beside whatever else the process does, and little that a search has to read. */
const INDEX_MS = 1_000;
/** What is not in a segment of the search index yet, so that an erasure has little to catch up with. */
const SUBJECTS_MS = 60_000;
const MINUTE_MS = 60_000;
/** How often it is looked whether a day has passed since the last run. */
const RETENTION_MS = 600_000;

export const audit: Service = {
  name: NAME,
  prefixes: HTTP_PREFIXES,
  migrate: async (options) => {
    const ownerUrl = await migrateForService(options, 'mandate_audit');
    if (ownerUrl) await migrateAudit(ownerUrl);
  },
  start: (options) => startAudit(options),
};

export const startAudit = async (options: ServiceOptions): Promise<RunningService> => {
  const ground = await openGround(options);
  const { store } = ground;
  const subjects = new SubjectIndex(store.database);
  const log = new LogReader(store.database);
  const stateFolder = stateFolderOf(options);
  const clock = options.clock ?? SYSTEM;
  const retention = openRetention(ground, subjects, log, stateFolder, options);
  const index = new SearchIndex(store.database, log, subjects);
  const transparency = await openTransparencyLog(store, index, stateFolder, options);
  const erasures = openErasures(ground, subjects, retention, transparency, stateFolder, options);
  await erasures.resume();
  await retention.resume();
  const ownEvents = new OwnEvents(store, clock);
  const counter = new CommitCounter({ store, instance: `${NAME}-${options.instance}`, clock });
  const reconciliation = new Reconciliation(store, log, ownEvents);
  const refusals = new RefusalRecorder({ ...recording('refusals', ground, options), answered: counter.refused });
  const reads = new ReadRecorder(recording('reads', ground, options));
  const search = new LogSearch(store, log, index);
  const { proofs, signText } = transparency;
  const whole = new WholeLog(log, () => new RetentionLog(store).dropped());
  const exportProofs = new ExportProofs({ sha256: nodeCrypto.sha256, log: whole, proofs, signText });
  const keeper = new Keeper(store, options.logger, [
    { name: 'search-index', everyMs: INDEX_MS, run: async () => index.catchUp((await store.head()).size) },
    { name: 'subject-index', everyMs: SUBJECTS_MS, run: async () => subjects.catchUp((await store.head()).size) },
    { name: 'reconciliation', everyMs: MINUTE_MS, run: () => reconciliation.run() },
    { name: 'retention', everyMs: RETENTION_MS, run: () => retention.runIfDue() },
  ]);
  const counting = setInterval(() => {
    void reads.endWindows();
    void counter.tell().catch(() => undefined);
  }, MINUTE_MS);
  const service = await createServiceApp({
    name: NAME,
    prefixes: HTTP_PREFIXES,
    module: AuditModule.of({
      search,
      exports: new LogExports(store, whole, search, ownEvents, exportProofs),
      erasures,
      retention,
      learning: new LearningExport(store, log, ownEvents),
      log: transparency.served,
      replay: new LogReplay(store, log, ownEvents),
    }),
    logger: options.logger,
    recordRefusal: refusals.record,
    recordRead: reads.record,
    beforeClose: async () => {
      await keeper.stop();
      await refusals.stop();
      await reads.stop();
      clearInterval(counting);
      await counter.stop();
    },
  });
  watchSigning(transparency.signing, service.health, service.metrics);
  transparency.signing.start();
  service.health.add('postgres', async () => `log of ${(await store.head()).size} events`);
  service.health.add('reconciliation', async () => reconciliation.report());
  return {
    ...service,
    close: async () => {
      await transparency.signing.stop();
      await service.close();
      await closeGround(ground);
    },
  };
};

const recording = (what: string, { store }: Ground, { instance, clock = SYSTEM, logger }: ServiceOptions): RecorderOptions => ({
  store,
  instance: `${NAME}-${instance}`,
  clock,
  onError: (error) => logger.warn({ error: String(error) }, `${what} cannot be put on record just now; they stay counted`),
});

const openRetention = (
  { store, keyring }: Ground,
  index: SubjectIndex,
  log: LogReader,
  stateFolder: string,
  { archiveFolder = join(stateFolder, 'archive'), clock = SYSTEM }: ServiceOptions,
): Retentions => {
  const trees = new TreeStore(store.database);
  return new Retentions({
    store,
    keyring,
    archive: new Archive(archiveFolder, log),
    holds: new HoldFinder(store, index),
    signedSize: async () => Number((await trees.head()).signedSize),
    clock,
  });
};

const stateFolderOf = ({ stateFolder }: ServiceOptions): string => {
  if (stateFolder !== undefined) return stateFolder;
  throw new AppError(
    'CONFIG_INVALID',
    'invalid',
    'the audit service needs MANDATE_STATE_DIR: erasures and what was signed have to outlive a restored database',
  );
};

const openErasures = (
  { store, keyring }: Ground,
  index: SubjectIndex,
  retention: Retentions,
  { assertShared }: Pick<TransparencyLog, 'assertShared'>,
  stateFolder: string,
  { clock = SYSTEM, logger }: ServiceOptions,
): Erasures =>
  new Erasures({
    store,
    keyring,
    letters: new DeadLetters(store.database, keyring),
    index,
    list: new ErasureList(stateFolder),
    heldAmong: (tenant, delegations, subject) => retention.heldAmong(tenant, delegations, subject),
    assertShared,
    clock,
    logger,
  });
