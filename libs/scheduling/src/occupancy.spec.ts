import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Occupancy, type SlotHolder } from './occupancy.js';
import { dimension } from './policy.js';

const slot = (n: number): SlotHolder => ({
  tenant: `t${n % 2}`,
  delegationId: `d${n}`,
  stepId: 's',
  attempt: 1,
  lease: 1,
  instance: `w${n % 3}`,
  capability: `c${n % 2}`,
  key: n % 4 === 0 ? null : `k${n % 4}`,
});

describe('slots', () => {
  it('are counted by tenant, capability, worker and key, and shown by who holds them', () => {
    const occupancy = new Occupancy();
    for (const n of [1, 3, 5]) occupancy.hold(slot(n), true, n);
    expect(occupancy.running('t1')).toBe(3);
    expect(occupancy.of('t1', dimension('key', 'k1'))).toBe(2);
    expect(occupancy.ofWorker('t1', 'w0', 'c1')).toBe(1);
    expect(occupancy.holdersOf('t1', dimension('key', 'k1'), 5).map(({ delegationId }) => delegationId)).toEqual(['d1', 'd5']);
    expect([...occupancy.keysOf('t1')].sort()).toEqual([
      ['k1', 2],
      ['k3', 1],
    ]);
  });

  it('never leak: whatever is held twice, freed twice or freed unheld, the counts equal the slots', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('hold', 'grant', 'confirm', 'release', 'giveBack', 'reconcile'), fc.nat(7)), { maxLength: 60 }),
        (moves) => {
          const occupancy = new Occupancy();
          const held = new Map<number, boolean>();
          let time = 0;
          for (const [move, n] of moves) {
            time++;
            if (move === 'hold' || move === 'grant') {
              occupancy.hold(slot(n), move === 'hold', time);
              held.set(n, move === 'hold');
            } else if (move === 'confirm') {
              occupancy.confirm(slot(n), time);
              if (held.has(n)) held.set(n, true);
            } else if (move === 'release' || move === 'giveBack') {
              const ends = move === 'release' ? held.has(n) : held.get(n) === false;
              expect(move === 'release' ? occupancy.release(slot(n)) : occupancy.giveBack(slot(n))).toBe(ends);
              if (ends) held.delete(n);
            } else {
              occupancy.reconcile([...held.keys()].map(slot), time, true);
              for (const known of held.keys()) held.set(known, true);
            }
            expect(occupancy.size).toBe(held.size);
            for (const tenant of ['t0', 't1'])
              expect(occupancy.running(tenant)).toBe([...held.keys()].filter((m) => slot(m).tenant === tenant).length);
          }
          for (const [n, confirmed] of held) expect(confirmed ? occupancy.release(slot(n)) : occupancy.giveBack(slot(n))).toBe(true);
          expect([occupancy.size, occupancy.running('t0'), occupancy.running('t1')]).toEqual([0, 0, 0]);
        },
      ),
    ));

  it('that were stored by nobody go with the next look at the store, once nobody can confirm them any more', () => {
    const occupancy = new Occupancy();
    occupancy.hold(slot(1), false, 10);
    occupancy.hold(slot(2), true, 10);
    occupancy.hold(slot(3), false, 30);
    expect([occupancy.hasStaleGrant(10), occupancy.hasStaleGrant(11)]).toEqual([false, true]);
    occupancy.reconcile([slot(4)], 20, true);
    expect(occupancy.size).toBe(3);
    occupancy.reconcile([slot(4)], 25, false);
    expect([occupancy.size, occupancy.of('t1', dimension('worker', 'w0'))]).toEqual([2, 1]);
  });

  it('freed while the store was read do not come back', () => {
    const occupancy = new Occupancy();
    occupancy.hold(slot(1), true, 1);
    occupancy.release(slot(1));
    occupancy.reconcile([slot(1)], 2, true);
    expect(occupancy.size).toBe(0);
  });

  it('confirmed while the store was read stay, although that reading does not show them', () => {
    const occupancy = new Occupancy();
    occupancy.hold(slot(1), false, 1);
    occupancy.confirm(slot(1), 3);
    occupancy.reconcile([], 2, true);
    expect(occupancy.size).toBe(1);
  });

  it('are confirmed by being stored, when the news of it was lost', () => {
    const occupancy = new Occupancy();
    occupancy.hold(slot(1), false, 1);
    occupancy.reconcile([slot(1)], 2, true);
    expect([occupancy.hasStaleGrant(100), occupancy.release(slot(1))]).toEqual([false, true]);
  });

  it('outlive the double of a grant that comes back, and late news of the attempt before', () => {
    const occupancy = new Occupancy();
    occupancy.hold({ ...slot(1), attempt: 2 }, true, 1);
    expect(occupancy.giveBack({ ...slot(1), attempt: 2 })).toBe(false);
    expect(occupancy.release(slot(1))).toBe(false);
    expect(occupancy.size).toBe(1);
  });

  it('tell what differed from the store: a leak once its end is overdue, an unknown one at once, news on their way never', () => {
    const occupancy = new Occupancy();
    const nothing = { leaked: [], unknown: [] };
    occupancy.hold(slot(1), true, 0);
    expect(occupancy.reconcile([], 5, true)).toEqual(nothing);
    expect(occupancy.size).toBe(0);
    expect(occupancy.reconcile([], 6, true)).toEqual({ leaked: [slot(1)], unknown: [] });
    expect(occupancy.reconcile([], 7, true)).toEqual(nothing);
    occupancy.hold(slot(2), true, 7);
    occupancy.reconcile([], 8, true);
    occupancy.release(slot(2));
    expect(occupancy.reconcile([slot(3)], 9, true)).toEqual({ leaked: [], unknown: [slot(3)] });
    expect(occupancy.size).toBe(1);
  });
});
