/** The delegation engine as a service of its host. */
import { migrateForService } from '@mandate/event-store';
import { AppError } from '@mandate/kernel';
import { loadOwn } from '@mandate/recognition-model';
import { createServiceApp, Gauge, type HealthRegistry, type Registry, type RunningService, type Service } from '@mandate/service-host';
import { DelegationEngineModule } from './delegation-engine.module.js';
import { Engine, type EngineOptions } from './engine/engine.js';
import { closeGround, openGround, type Ground } from './engine/ground.js';
import { modelsWith } from './engine/models.js';
import { HTTP_PREFIXES } from './http/index.js';
import { migrateReadModel } from './read-model/index.js';

const NAME = 'delegation-engine';

export const delegationEngine: Service = {
  name: NAME,
  prefixes: HTTP_PREFIXES,
  migrate: async (options) => {
    const ownerUrl = await migrateForService(options, 'mandate_service');
    if (ownerUrl) await migrateReadModel(ownerUrl);
  },
  start: (options) => startEngine(options),
};

/** Resolves once requests are taken. */
export const startEngine = async (options: EngineOptions): Promise<RunningService> => {
  const models = modelsWith(options.recogniser && loadOwn(options.recogniser));
  const ground = await openGround(options);
  const engine = new Engine(ground, options, models);
  const service = await createServiceApp({
    name: NAME,
    prefixes: HTTP_PREFIXES,
    module: DelegationEngineModule.of(engine),
    logger: options.logger,
    transports: [engine.transport],
    recordRefusal: engine.refusals.record,
    recordRead: engine.reads.record,
    beforeClose: () => engine.stop(),
  });
  addHealthChecks(service.health, ground, engine);
  addMetrics(service.metrics, engine);
  const close = async (): Promise<void> => {
    await service.close();
    await closeGround(ground);
  };
  try {
    await engine.start();
  } catch (error) {
    await close();
    throw error;
  }
  return { ...service, close };
};

const addHealthChecks = (
  health: HealthRegistry,
  { store, connection }: Ground,
  { work: { partitions }, publisher, followers }: Engine,
): void => {
  health.add('postgres', async () => {
    const { size } = await store.head();
    return `log of ${size} events`;
  });
  health.add('nats', async () => `${await connection.rtt()} ms to ${connection.getServer()}`);
  health.add('partitions', async () => `owns ${partitions.owned.length}`);
  for (const [name, follower] of Object.entries(followers))
    health.add(name, async () => {
      if (follower.state === 'halted')
        throw new AppError('FOLLOWER_HALTED', 'internal', 'stands still before an event that it cannot take; the log names it');
      return `${follower.state}, at ${follower.position}`;
    });
  health.add('publisher', async () => {
    if (publisher.state === 'halted')
      throw new AppError('PUBLISHER_HALTED', 'internal', 'events are not published: the log was rolled back; see docs/troubleshooting.md');
    return `${publisher.state}, at ${publisher.cursor}`;
  });
};

const addMetrics = (registry: Registry, { work: { partitions, attempts, lanes, agents, writer, scheduler }, publisher }: Engine): void => {
  const gauges: [string, string, () => number][] = [
    ['mandate_partitions_owned', 'Partitions of the inbound stream that this engine owns.', () => partitions.owned.length],
    ['mandate_attempts_running', 'Attempts that are at workers for delegations of this engine.', () => attempts.size],
    [
      'mandate_delegations_in_memory',
      'Running delegations whose state is in memory; the others are read when they are needed.',
      () => writer.remembered,
    ],
    [
      'mandate_slot_drifts',
      'Slots in which memory and table differed since the start; mended, and on record.',
      () => scheduler.drifts.count,
    ],
    ['mandate_lanes_busy', 'Delegations with work in hand.', () => lanes.busy],
    ['mandate_published_position', 'Last position of the log that the bus has.', () => publisher.cursor],
    [
      'mandate_agents_online',
      'Workers heard of within three heartbeats.',
      () => [...agents.all()].filter((agent) => agents.isOnline(agent)).length,
    ],
  ];
  for (const [name, help, read] of gauges) {
    const gauge: Gauge = new Gauge({ name, help, registers: [registry], collect: () => gauge.set(read()) });
  }
};
