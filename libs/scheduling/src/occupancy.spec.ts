import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Occupancy, type SlotHolder } from './occupancy.js';
import { dimension } from './policy.js';

const slot = (n: number): SlotHolder => ({
  tenant: `t${n % 2}`,
  delegationId: `d${n}`,
  stepId: 's',
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
        fc.array(fc.tuple(fc.constantFrom('hold', 'grant', 'confirm', 'release', 'reconcile'), fc.nat(7)), { maxLength: 60 }),
        (moves) => {
          const occupancy = new Occupancy();
          const held = new Set<number>();
          let time = 0;
          for (const [move, n] of moves) {
            time++;
            if (move === 'hold' || move === 'grant') {
              occupancy.hold(slot(n), move === 'hold', time);
              held.add(n);
            } else if (move === 'confirm') occupancy.confirm(slot(n));
            else if (move === 'release') {
              occupancy.release(slot(n));
              held.delete(n);
            } else occupancy.reconcile([...held].map(slot), time, true);
            expect(occupancy.size).toBe(held.size);
            for (const tenant of ['t0', 't1'])
              expect(occupancy.running(tenant)).toBe([...held].filter((m) => slot(m).tenant === tenant).length);
          }
          for (const n of held) occupancy.release(slot(n));
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
});
