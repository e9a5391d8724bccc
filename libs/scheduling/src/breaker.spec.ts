import { describe, expect, it } from '@jest/globals';
import { seeded } from '@mandate/testing';
import { Allocator, type StepToPlace } from './allocator.js';
import type { Block, Worker } from './blocks.js';
import { breakerName, capabilityBreaker, workerBreaker, type BreakerTarget } from './breaker.js';
import type { AttemptOutcome } from './breaker-counts.js';
import type { SlotHolder } from './occupancy.js';
import { decidePolicy, evolvePolicy, OPEN_POLICY, type Policy, type PolicyCommand, type PolicyEvent } from './policy.js';

const T0 = 1_700_000_000_000;
const SECOND = 1_000;
const given = { by: 'olga', reason: 'it smells' };
const search = capabilityBreaker('search');
const searchOfW1 = workerBreaker('w1', 'search');

const workers = (...names: string[]): Worker[] => names.map((instance) => ({ instance, name: instance, concurrency: 100 }));

/** A scheduler whose verdicts become its policy at once. */
class Scene {
  now = T0;
  policy: Policy = OPEN_POLICY;
  readonly events: PolicyEvent[] = [];
  readonly allocator: Allocator;
  private steps = 0;

  constructor(private readonly there: Record<string, Worker[]> = { search: workers('w1') }) {
    this.allocator = new Allocator({
      capacity: Infinity,
      policyOf: () => this.policy,
      workersFor: (_tenant, capability) => this.there[capability] ?? [],
    });
  }

  command(command: PolicyCommand): void {
    for (const event of decidePolicy(command, this.policy)) {
      this.policy = evolvePolicy(this.policy, event);
      this.allocator.policyChanged('t', event);
      this.events.push(event);
    }
  }

  step(more: Partial<StepToPlace> = {}): StepToPlace {
    return { tenant: 't', delegationId: `d${++this.steps}`, stepId: 's', attempt: 1, lease: 1, capability: 'search', key: null, ...more };
  }

  choose(more: Partial<StepToPlace> = {}): SlotHolder | Block {
    const choice = this.allocator.choose(this.step(more), this.now);
    return 'granted' in choice ? choice.granted : choice.block;
  }

  grant(more: Partial<StepToPlace> = {}): SlotHolder {
    const choice = this.choose(more);
    if ('kind' in choice) throw new Error(`blocked: ${JSON.stringify(choice)}`);
    return choice;
  }

  end(holder: SlotHolder, result: AttemptOutcome['result']): void {
    for (const verdict of this.allocator.ended({ ...holder, result }, this.now))
      this.command({ ...verdict, by: 'scheduler', reason: '', now: this.now });
    this.allocator.free([holder]);
  }

  run(result: AttemptOutcome['result'], times = 1, more: Partial<StepToPlace> = {}): void {
    for (let n = 0; n < times; n++) this.end(this.grant(more), result);
  }

  /** As the scheduler's tick does. */
  tick(): void {
    for (const { kind, name, capability } of this.policy.guards.breakers.values())
      this.command({ type: 'try-breaker', kind, name, capability, by: 'scheduler', reason: '', now: this.now });
  }

  stateOf(target: BreakerTarget): string {
    return this.policy.guards.breakers.get(breakerName(target))?.state ?? 'closed';
  }

  get types(): string[] {
    return this.events.map(({ type, data }) => ('kind' in data ? `${type} ${data.kind}` : type));
  }
}

/** Only the capability's breaker: two workers share what fails. */
const spread = (): Scene => new Scene({ search: workers('w1', 'w2', 'w3', 'w4') });
const WIDE: Partial<PolicyCommand> = { type: 'set-breaker', kind: 'worker', name: '*' };
const capabilityOnly = (scene: Scene): Scene => {
  scene.command({
    ...given,
    ...WIDE,
    now: T0,
    failurePercent: 100,
    volume: 10,
    windowMs: 60_000,
    openMs: 15_000,
    probes: 1,
  } as PolicyCommand);
  return scene;
};
const openSearch = (): Scene => {
  const scene = capabilityOnly(spread());
  scene.run('failed', 20);
  return scene;
};

describe('a breaker', () => {
  it('opens above half of twenty attempts within a minute, and says of what', () => {
    const scene = capabilityOnly(spread());
    scene.run('succeeded', 10);
    scene.run('failed', 10);
    expect(scene.stateOf(search)).toBe('closed');
    scene.run('failed');
    expect(scene.stateOf(search)).toBe('open');
    expect(scene.events.at(-1)).toEqual({
      type: 'breakeropened',
      at: T0,
      data: {
        ...search,
        ...{ triesAt: new Date(T0 + 15 * SECOND).toISOString(), openings: 1, failures: 11, volume: 21, windowMs: 60_000 },
        ...{ by: 'scheduler', reason: '' },
      },
    });
    expect(scene.choose()).toEqual({
      ...{ kind: 'breaker', breaker: 'capability', name: 'search', state: 'open', since: T0, triesAt: T0 + 15 * SECOND },
    });
    expect(scene.choose({ tenant: 't', capability: 'write' })).toMatchObject({ kind: 'no-worker' });
  });

  it('does not open of too few, or of what lies further back', () => {
    const scene = capabilityOnly(spread());
    for (let n = 0; n < 60; n++) {
      scene.now += 4 * SECOND;
      scene.run('failed');
    }
    expect(scene.stateOf(search)).toBe('closed');
  });

  it('takes lost workers as failures, but not what a quarantine took away', () => {
    const scene = capabilityOnly(spread());
    scene.run('lost', 20);
    expect(scene.stateOf(search)).toBe('open');
    const quarantined = capabilityOnly(spread());
    const held = Array.from({ length: 40 }, () => quarantined.grant());
    for (const instance of ['w1', 'w2', 'w3', 'w4'])
      quarantined.command({ ...given, type: 'mode-worker', instance, mode: 'quarantined', now: T0 });
    for (const holder of held) quarantined.end(holder, 'lost');
    expect(quarantined.stateOf(search)).toBe('closed');
  });

  it('of a worker leaves its work to the others', () => {
    const scene = new Scene({ search: workers('w1', 'w2') });
    const [bad, good] = [scene.grant(), scene.grant()];
    expect([bad.instance, good.instance]).toEqual(['w1', 'w2']);
    for (let n = 0; n < 10; n++) {
      scene.end({ ...bad, delegationId: `bad${n}` }, 'failed');
      scene.end({ ...good, delegationId: `good${n}` }, 'succeeded');
    }
    expect([scene.stateOf(searchOfW1), scene.stateOf(search)]).toEqual(['open', 'closed']);
    expect(new Set(Array.from({ length: 20 }, () => scene.grant().instance))).toEqual(new Set(['w2']));
  });

  it('of the only worker is what a step waits for; of one of two, the other one is', () => {
    const scene = new Scene({ search: workers('w1') });
    scene.run('failed', 10);
    expect(scene.choose()).toMatchObject({ kind: 'breaker', breaker: 'worker', name: 'w1' });
    const busy = new Scene({ search: [...workers('w1'), { instance: 'w2', name: 'w2', concurrency: 1 }] });
    busy.command({ ...given, type: 'open-breaker', ...searchOfW1, now: T0 });
    expect(busy.grant().instance).toBe('w2');
    expect(busy.choose()).toEqual({ kind: 'busy', capability: 'search', slots: 101 });
  });
});

describe('a breaker that is half open', () => {
  it('lets one attempt through when its time has come, and closes when that goes well', () => {
    const scene = openSearch();
    scene.now += 14 * SECOND;
    scene.tick();
    expect(scene.choose()).toMatchObject({ kind: 'breaker', state: 'open' });
    scene.now += SECOND;
    scene.tick();
    const probe = scene.grant();
    expect(scene.choose()).toMatchObject({ kind: 'breaker', state: 'half-open', since: scene.now });
    scene.end(probe, 'succeeded');
    expect(scene.stateOf(search)).toBe('closed');
    expect(scene.types.slice(-3)).toEqual(['breakeropened capability', 'breakerhalfopened capability', 'breakerclosed capability']);
    // What failed before says nothing any more.
    scene.run('failed', 19);
    expect(scene.stateOf(search)).toBe('closed');
  });

  it('opens again when that fails, each time for twice as long, up to five minutes', () => {
    const scene = openSearch();
    const waits: number[] = [];
    for (let n = 0; n < 8; n++) {
      const { triesAt = 0 } = scene.choose() as { triesAt?: number };
      waits.push((triesAt - scene.now) / SECOND);
      scene.now = triesAt;
      scene.tick();
      scene.run('failed');
      expect(scene.stateOf(search)).toBe('open');
    }
    expect(waits).toEqual([15, 30, 60, 120, 240, 300, 300, 300]);
  });

  it('lets through as many as the rule says, all of which have to go well', () => {
    const scene = capabilityOnly(spread());
    const rule = { failurePercent: 50, volume: 4, windowMs: 10_000, openMs: 1_000, probes: 3 };
    scene.command({ ...given, type: 'set-breaker', kind: 'capability', name: 'search', ...rule, now: T0 });
    scene.run('failed', 4);
    scene.now += SECOND;
    scene.tick();
    const probes = [scene.grant(), scene.grant(), scene.grant()] as const;
    expect(scene.choose()).toMatchObject({ kind: 'breaker', state: 'half-open' });
    scene.end(probes[0], 'succeeded');
    scene.end(probes[1], 'succeeded');
    expect(scene.choose()).toMatchObject({ kind: 'breaker', state: 'half-open' });
    expect(scene.stateOf(search)).toBe('half-open');
    scene.end(probes[2], 'failed');
    expect(scene.stateOf(search)).toBe('open');
  });

  it('concludes nothing from what began before it opened', () => {
    const scene = capabilityOnly(spread());
    const [early, other] = [scene.grant(), scene.grant()];
    scene.run('failed', 20);
    scene.now += 15 * SECOND;
    scene.tick();
    scene.end(early, 'succeeded');
    scene.end(other, 'failed');
    expect(scene.stateOf(search)).toBe('half-open');
    scene.run('succeeded');
    expect(scene.stateOf(search)).toBe('closed');
  });

  it('lets another one through when what became of the first is never told', () => {
    const scene = openSearch();
    scene.now += 15 * SECOND;
    scene.tick();
    const probe = scene.grant();
    expect(scene.choose()).toMatchObject({ kind: 'breaker' });
    scene.allocator.free([probe]);
    scene.run('succeeded');
    expect(scene.stateOf(search)).toBe('closed');
  });

  it('is the same for a scheduler that takes over, which lets through what it knows to be allowed', () => {
    const scene = openSearch();
    scene.allocator.takeOver(scene.now);
    expect(scene.choose()).toMatchObject({ kind: 'breaker', state: 'open' });
    scene.now += 15 * SECOND;
    scene.tick();
    scene.grant();
    scene.allocator.takeOver(scene.now);
    scene.run('succeeded');
    expect(scene.stateOf(search)).toBe('closed');
  });
});

describe('an operator', () => {
  it('opens a breaker until it is closed by hand', () => {
    const scene = spread();
    scene.command({ ...given, type: 'open-breaker', ...search, now: T0 });
    scene.now += 3_600 * SECOND;
    scene.tick();
    expect(scene.choose()).toEqual({ kind: 'breaker', breaker: 'capability', name: 'search', state: 'open', since: T0 });
    scene.command({ ...given, type: 'close-breaker', ...search, cause: 'operator', now: scene.now });
    scene.run('failed', 9);
    expect(scene.stateOf(search)).toBe('closed');
  });
});

describe('a substitute', () => {
  const withSubstitute = (): Scene => {
    const scene = capabilityOnly(new Scene({ search: workers('w1', 'w2'), 'web-search': workers('w9') }));
    scene.command({ ...given, type: 'set-substitute', capability: 'search', substitute: 'web-search', now: T0 });
    return scene;
  };

  it('takes the steps while the breaker is open, and only those that may be taken', () => {
    const scene = withSubstitute();
    expect(scene.grant({ substitutable: true })).toMatchObject({ capability: 'search' });
    scene.run('failed', 20);
    expect(scene.grant({ substitutable: true })).toMatchObject({ capability: 'web-search', instance: 'w9' });
    expect(scene.choose({ substitutable: false })).toMatchObject({ kind: 'breaker', name: 'search' });
    scene.now += 15 * SECOND;
    scene.tick();
    const probe = scene.grant({ substitutable: true });
    expect(probe).toMatchObject({ capability: 'search' });
    expect(scene.grant({ substitutable: true })).toMatchObject({ capability: 'web-search' });
    scene.end(probe, 'succeeded');
    expect(scene.grant({ substitutable: true })).toMatchObject({ capability: 'search' });
  });

  it('has limits, a breaker and a queue of its own', () => {
    const scene = withSubstitute();
    scene.command({ ...given, type: 'open-breaker', ...search, now: T0 });
    scene.command({ ...given, type: 'set-limit', kind: 'capability', name: 'web-search', max: 1, now: T0 });
    scene.grant({ substitutable: true });
    expect(scene.choose({ substitutable: true })).toMatchObject({ kind: 'breaker', name: 'search' });
    scene.command({ ...given, type: 'remove-limit', kind: 'capability', name: 'web-search', now: T0 });
    scene.command({ ...given, type: 'open-breaker', ...capabilityBreaker('web-search'), now: T0 });
    expect(scene.choose({ substitutable: true })).toMatchObject({ kind: 'breaker', name: 'search' });
    const queued = new Allocator({
      ...{ capacity: Infinity, policyOf: () => scene.policy, workersFor: () => workers('w9') },
      isQueued: (_tenant, capability) => capability === 'web-search',
    });
    scene.command({ ...given, type: 'close-breaker', ...capabilityBreaker('web-search'), cause: 'operator', now: T0 });
    expect(queued.choose(scene.step({ substitutable: true }), T0)).toMatchObject({ block: { kind: 'breaker', name: 'search' } });
  });
});

it('whatever ends how and when, nothing gets past an open breaker, nor more than its probes past a half-open one', () => {
  let opened = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed);
    const scene = new Scene({ search: workers('w1', 'w2', 'w3') });
    const running: SlotHolder[] = [];
    const probes = new Map<string, Set<SlotHolder>>();
    for (let n = 0; n < 400; n++) {
      scene.now += random.integer(0, 2 * SECOND);
      scene.tick();
      const badly = random.next() < 0.5 ? 0.9 : 0.1;
      if (random.next() < 0.5 && running.length > 0) {
        const [holder] = running.splice(random.integer(0, running.length - 1), 1) as [SlotHolder];
        for (const through of probes.values()) through.delete(holder);
        scene.end(holder, random.next() < badly ? random.pick(['failed', 'lost']) : 'succeeded');
        continue;
      }
      const choice = scene.choose();
      if ('kind' in choice) continue;
      running.push(choice);
      for (const target of [search, workerBreaker(choice.instance, 'search')]) {
        const state = scene.stateOf(target);
        const name = `${breakerName(target)} ${scene.policy.guards.breakers.get(breakerName(target))?.since ?? 0}`;
        if (state === 'open') throw new Error(`seed ${seed}: an attempt got past ${name}`);
        if (state === 'closed') continue;
        const through = probes.get(name) ?? new Set();
        probes.set(name, through.add(choice));
        if (through.size > 1) throw new Error(`seed ${seed}: ${through.size} attempts at once got past ${name}`);
      }
    }
    opened += scene.types.filter((type) => type.startsWith('breakeropened')).length;
  }
  expect(opened).toBeGreaterThan(200);
});
