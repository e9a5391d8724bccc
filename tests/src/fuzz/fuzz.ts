/**
 * Bad input against a real engine: every hostile message is answered with a problem or parked with its reason, none of them changes
 * what is good, and neither the latency of good requests beside them nor the engine's memory runs away.
 */
import { until } from '@mandate/testing';
import { GoodTraffic, p95 } from './good-traffic.js';
import { startFuzzScene, type FuzzScene } from './scene.js';
import { Storm, type StormOutcome } from './storm.js';

export interface FuzzOptions {
  messages: number;
  seed: number;
  /** Of the warm-up; each quiet phase between the storms lasts half of it. */
  quietSeconds?: number;
}

/** Good requests may take so many times their quiet p95 while the storm lasts, plus what one garbage collection or fsync takes. */
export const LATENCY_LIMIT = { multiple: 5, slackMs: 100 } as const;
/** The engine may be so much larger after the storm than before it: copies of the 64 MiB that it takes in hand, until they are collected. */
export const MEMORY_MARGIN_BYTES = 160 * 1024 ** 2;

export interface FuzzReport {
  seed: number;
  sent: number;
  seconds: number;
  problems: number;
  parked: number;
  accepted: number;
  heartbeats: number;
  kinds: number;
  codes: Record<string, number>;
  good: { quiet: number; storm: number; quietP95Ms: number; stormP95Ms: number; limitMs: number };
  rounds: { quietP95Ms: number; stormP95Ms: number; residentMiB: number }[];
  residentMiB: { before: number; after: number; margin: number };
  /** What went wrong; nothing should. */
  failures: string[];
}

/** Of good requests, each one after another; and of hostile messages. */
const CALLERS = 6;
const SENDERS = 6;
/** Quiet and storm take turns, so that what else the machine does meanwhile falls on both. */
const ROUNDS = 6;
const CANARY = 'fuzz.canary';
const SETTLE_MS = 60_000;
const MIB = 1024 ** 2;

export const runFuzz = async ({ messages, seed, quietSeconds = 5 }: FuzzOptions): Promise<FuzzReport> => {
  const scene = await startFuzzScene(CANARY);
  const traffic = new GoodTraffic(scene.good, scene.target.capability);
  let leaked = 0;
  const canaries = [CANARY, `${CANARY}.>`].map((subject) => scene.good.subscribe(subject, { callback: () => void leaked++ }));
  try {
    await during(traffic, quietSeconds);
    const victims = await scene.victimEvents();
    const before = await scene.residentBytes();
    const storm = new Storm({ connection: scene.hostile, target: scene.target, seed, senders: SENDERS });
    const rounds: Round[] = [];
    for (let n = 0; n < ROUNDS; n++) {
      const quiet = await during(traffic, quietSeconds / 2);
      const share = Math.floor((messages * (n + 1)) / ROUNDS) - Math.floor((messages * n) / ROUNDS);
      rounds.push({ quiet, storm: await stormAndTraffic(storm, share, traffic), residentBytes: await scene.residentBytes() });
    }
    const failures = [...storm.outcome.failures, ...(await aftermath(scene, traffic, storm.outcome, victims))];
    if (leaked > 0) failures.push(`${leaked} answers went to a subject that is no inbox`);
    const after = await settledMemory(scene, before + MEMORY_MARGIN_BYTES);
    if (after > before + MEMORY_MARGIN_BYTES) failures.push(`the engine grew from ${mib(before)} to ${mib(after)} MiB`);
    const parked = (await scene.parked()).reduce((sum, { count }) => sum + count, 0);
    const good = latencies(rounds);
    if (!(good.stormP95Ms <= good.limitMs)) failures.push(`p95 of good requests: ${good.stormP95Ms} ms, above ${good.limitMs} ms`);
    return { seed, ...countsOf(storm.outcome), parked, good, ...figuresOf(rounds), residentMiB: memory(before, after), failures };
  } finally {
    for (const canary of canaries) canary.unsubscribe();
    traffic.stop();
    await scene.stop();
  }
};

interface Round {
  quiet: number[];
  storm: number[];
  residentBytes: number;
}

const latencies = (rounds: readonly Round[]): FuzzReport['good'] => {
  const [quiet, storm] = [rounds.flatMap((round) => round.quiet), rounds.flatMap((round) => round.storm)];
  const quietP95Ms = rounded(p95(quiet));
  const limitMs = rounded(quietP95Ms * LATENCY_LIMIT.multiple + LATENCY_LIMIT.slackMs);
  return { quiet: quiet.length, storm: storm.length, quietP95Ms, stormP95Ms: rounded(p95(storm)), limitMs };
};

const countsOf = ({ sent, seconds, problems, accepted, heartbeats, byKind, byCode }: StormOutcome) => ({
  sent,
  seconds: rounded(seconds),
  problems,
  accepted: accepted.length,
  heartbeats,
  kinds: byKind.size,
  codes: Object.fromEntries([...byCode].sort(([, a], [, b]) => b - a)),
});

const figuresOf = (all: readonly Round[]): Pick<FuzzReport, 'rounds'> => ({
  rounds: all.map(({ quiet, storm, residentBytes }) => ({
    quietP95Ms: rounded(p95(quiet)),
    stormP95Ms: rounded(p95(storm)),
    residentMiB: mib(residentBytes),
  })),
});

const memory = (before: number, after: number): FuzzReport['residentMiB'] => ({
  before: mib(before),
  after: mib(after),
  margin: mib(MEMORY_MARGIN_BYTES),
});

const stormAndTraffic = async (stormer: Storm, messages: number, traffic: GoodTraffic): Promise<number[]> => {
  let raging = true;
  const storming = stormer.rage(messages).finally(() => {
    raging = false;
  });
  const [latencies] = await Promise.all([traffic.run(CALLERS, () => raging), storming]);
  return latencies;
};

const during = (traffic: GoodTraffic, seconds: number): Promise<number[]> => {
  const until = performance.now() + seconds * 1_000;
  return traffic.run(CALLERS, () => performance.now() < until);
};

/** What must be so when everything has been sent. */
const aftermath = async (scene: FuzzScene, traffic: GoodTraffic, outcome: StormOutcome, victimsBefore: string[]): Promise<string[]> => {
  const failures: string[] = [];
  const check = async (what: string, holds: () => Promise<unknown>): Promise<void> => {
    await holds().catch((error: unknown) => void failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`));
  };
  await check('MANDATE_IN', () =>
    until(async () => (await scene.inbound()) === 0, { what: 'the inbound stream to be empty', timeoutMs: SETTLE_MS }),
  );
  await check('what was accepted', () => traffic.allEnded(outcome.accepted));
  failures.push(...unparked(outcome, await scene.parked()));
  const victimsAfter = await scene.victimEvents();
  if (victimsAfter.join() !== victimsBefore.join())
    failures.push(
      `good delegations were changed: ${victimsAfter
        .filter((event) => !victimsBefore.includes(event))
        .slice(0, 5)
        .join('; ')}`,
    );
  await check('the victims', async () => {
    const results = new Set(await scene.finishVictims());
    if ([...results].join() !== '"kept"') throw new Error(`they ended with ${[...results].join()}`);
  });
  await check('the list', async () => {
    const { status } = await scene.api.get('/api/delegations?limit=100');
    if (status !== 200) throw new Error(`answers ${status}`);
  });
  return failures;
};

/** What named no reply subject and is not among the dead letters with a reason. */
const unparked = ({ toBeParked }: StormOutcome, letters: readonly { source: string; reason: string; count: number }[]): string[] => {
  const failures = letters
    .filter(({ reason }) => reason === 'INTERNAL' || reason === '')
    .map(({ source, reason }) => `parked as "${reason}": ${source.slice(0, 120)}`);
  const found = new Map<string, number>();
  for (const { source, count } of letters) found.set(source, (found.get(source) ?? 0) + count);
  for (const [subject, count] of toBeParked)
    if ((found.get(subject.replaceAll('\0', '\uFFFD').slice(0, 500)) ?? 0) < count)
      failures.push(`neither answered nor parked: ${subject.slice(0, 120)}`);
  return failures.slice(0, 50);
};

/** Garbage goes when it goes: the figure counts once it is within the limit, or as it is after a while. */
const settledMemory = async (scene: FuzzScene, limit: number): Promise<number> => {
  await until(async () => (await scene.residentBytes()) <= limit, { what: 'memory to settle', timeoutMs: 20_000, everyMs: 500 }).catch(
    () => undefined,
  );
  return scene.residentBytes();
};

const mib = (bytes: number): number => Math.round(bytes / MIB);
const rounded = (value: number): number => Number(value.toFixed(1));
