/** The migrated engine with its HTTP gateway, in this process, on a world's own PostgreSQL and nats-server. */
import { randomBytes } from 'node:crypto';
import { delegationEngine } from '@mandate/delegation-engine';
import type { Clock } from '@mandate/kernel';
import { createLogger, serve, type ServiceOptions } from '@mandate/service-host';
import type { World } from '@mandate/testing';

/** The real time, moved forward: what waits for minutes is then due at once, and everything else goes on as it does. */
export class ShiftedClock implements Clock {
  private shiftMs = 0;

  now(): number {
    return Date.now() + this.shiftMs;
  }

  advance(byMs: number): void {
    this.shiftMs += byMs;
  }
}

export interface StartedEngine {
  /** Where its gateway listens. */
  readonly url: string;
  readonly clock: ShiftedClock;
  stop(): Promise<void>;
}

/** Engines of one log share its master key. */
export const startEngine = async (world: World, options: Partial<ServiceOptions> = {}): Promise<StartedEngine> => {
  const clock = new ShiftedClock();
  const instance = `engine-${randomBytes(4).toString('hex')}`;
  const { url, close } = await serve(
    [delegationEngine],
    {
      databaseUrl: world.database.url,
      natsUrl: world.nats.url,
      masterKey: randomBytes(32).toString('hex'),
      instance,
      logger: createLogger({ service: 'tests', instance, level: 'silent' }),
      clock,
      ...options,
    },
    { host: '127.0.0.1', port: 0 },
  );
  return { url, clock, stop: close };
};
