/** Kills at moments drawn from the seed. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Seeded } from '@mandate/testing';
import { KINDS, type Kind, type System } from './system.js';

export interface Kill {
  kind: Kind;
  name: string;
  /** Unix milliseconds. */
  at: number;
  /** When the process was healthy again. */
  healthyAt: number;
}

export interface KillPlan {
  kind: Kind;
  /** Milliseconds after the start of the load. */
  afterMs: number;
}

/** Each kind `times` times, anywhere between the load's first and last request; kills may fall into the recovery from others. */
export const planKills = (random: Seeded, times: number, overMs: number): KillPlan[] => {
  const kinds = random.shuffle(KINDS.flatMap((kind) => Array.from({ length: times }, () => kind)));
  const moments = kinds.map(() => overMs * (0.05 + 0.95 * random.next())).sort((a, b) => a - b);
  return kinds.map((kind, i) => ({ kind, afterMs: moments[i] as number }));
};

/** Resolves when all are killed and healthy again. */
export const carryOut = async (plan: readonly KillPlan[], system: System, log: (line: string) => void): Promise<Kill[]> => {
  const startedAt = performance.now();
  const recoveries: Promise<Kill>[] = [];
  for (const { kind, afterMs } of plan) {
    await delay(Math.max(0, startedAt + afterMs - performance.now()));
    const { name, at } = await system.kill(kind);
    log(`killed ${name} at ${Math.round(performance.now() - startedAt)} ms`);
    const recovery = system.healthyAfter(name, at).then((healthyAt) => ({ kind, name, at, healthyAt }));
    recovery.catch(() => undefined); // told by the one that waits for all
    recoveries.push(recovery);
  }
  return Promise.all(recoveries);
};
