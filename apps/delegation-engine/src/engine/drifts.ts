/** Slots that the scheduler counted and that were stored nowhere, or the other way round: mended when they are found, and put on record. */
import type { EventStore } from '@mandate/event-store';
import { timestamp, type Clock, type JsonObject } from '@mandate/kernel';
import { continueTrace } from '@mandate/messaging';
import type { Drift, SlotHolder } from '@mandate/scheduling';
import type { Logger } from '@mandate/service-host';

interface Differed {
  delegationId: string;
  stepId: string;
  attempt: number;
  instance: string;
  capability: string;
  /** `memory`: counted, and stored nowhere; `table`: stored, and not counted. */
  only: 'memory' | 'table';
}

export interface SchedulerEvent {
  type: 'driftmended';
  at: number;
  /** The first hundred of `count`. */
  data: { count: number; slots: Differed[] };
}

const TYPE = 'dev.mandate.scheduler.driftmended.v1';
const TOLD = 100;

export class Drifts {
  /** Slots that differed since this engine started. */
  count = 0;
  private untold = new Map<string, Differed[]>();

  constructor(private readonly options: { store: EventStore; clock: Clock; logger: Logger }) {}

  found({ leaked, unknown }: Drift): void {
    for (const holder of leaked) this.add(holder, 'memory');
    for (const holder of unknown) this.add(holder, 'table');
  }

  private add({ tenant, delegationId, stepId, attempt, instance, capability }: SlotHolder, only: Differed['only']): void {
    this.count++;
    const slots = this.untold.get(tenant) ?? [];
    slots.push({ delegationId, stepId, attempt, instance, capability, only });
    this.untold.set(tenant, slots);
  }

  /** Puts on record what was found; what cannot be written now is tried again with the next tick. */
  async tell(): Promise<void> {
    const { store, clock, logger } = this.options;
    for (const [tenant, slots] of this.untold) {
      logger.warn({ tenant, count: slots.length }, 'the slots in memory and in the table differed; mended');
      const data: SchedulerEvent['data'] = { count: slots.length, slots: slots.slice(0, TOLD) };
      const result = await store.append({
        tenant,
        stream: { type: 'scheduler', id: 'slots' },
        expected: 'any',
        events: [{ type: TYPE, occurredAt: timestamp(clock.now()), data: data as unknown as JsonObject }],
        actor: { kind: 'service', id: 'delegation-engine' },
        correlationId: 'slots',
        traceparent: continueTrace(undefined),
      });
      if (result.ok) this.untold.delete(tenant);
    }
  }
}
