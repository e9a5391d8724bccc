import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { REFUSALS, type CountedRefusal, type Refusal } from './refusal-tally.js';
import { MANY, Tally } from './tally.js';

const refusal = (given: Partial<Refusal> = {}): Refusal => ({
  tenant: 'default',
  principal: 'ann',
  kind: 'operator',
  via: 'http',
  operation: 'POST /api/delegations',
  code: 'INVALID_FIELD',
  status: 400,
  ...given,
});
const at = (now: number, given: Refusal): CountedRefusal => ({ ...given, count: 1, first: now, last: now });
const total = (counted: readonly { count: number }[]): number => counted.reduce((sum, { count }) => sum + count, 0);

describe('a tally of refusals', () => {
  it('joins equal ones, from the first to the last', () => {
    const tally = new Tally(REFUSALS);
    tally.add(at(100, refusal({ traceparent: 'first' })));
    tally.add(at(200, refusal({ traceparent: 'second' })));
    tally.add(at(150, refusal({ principal: 'eve' })));
    expect(tally.take(10)).toEqual([
      { ...refusal({ traceparent: 'first' }), count: 2, first: 100, last: 200 },
      { ...refusal({ principal: 'eve' }), count: 1, first: 150, last: 150 },
    ]);
    expect(tally.isEmpty).toBe(true);
  });

  it('tells the most frequent apart, and folds the rest by what they were refused with', () => {
    const tally = new Tally(REFUSALS);
    for (let i = 0; i < 100; i++) tally.add(at(i, refusal({ principal: `p${i}`, tenant: `t${i}` })));
    tally.add(at(1_000, refusal({ principal: 'p42', tenant: 't42' })));
    const [most, ...rest] = tally.take(2);
    expect(most).toMatchObject({ principal: 'p42', tenant: 't42', count: 2 });
    expect(rest).toEqual([
      expect.objectContaining({ principal: MANY, operation: MANY, tenant: 'default', count: 99, code: 'INVALID_FIELD' }),
    ]);
  });

  const anyRefusal = fc.record({
    principal: fc.integer({ max: 1_000, min: 0 }).map((n) => `p${n}`),
    operation: fc.integer({ max: 9, min: 0 }).map((n) => `GET /${n}`),
    code: fc.integer({ max: 40, min: 0 }).map((n) => `CODE_${n}`),
    status: fc.constantFrom(400, 401, 403, 404, 409, 422, 429),
  });

  it('loses none, whatever comes and however few it may tell', () =>
    fc.assert(
      fc.property(fc.array(anyRefusal, { maxLength: 800 }), fc.integer({ min: 2, max: 16 }), (refusals, limit) => {
        const tally = new Tally(REFUSALS);
        refusals.forEach((given, i) => tally.add(at(i, refusal(given))));
        const taken = tally.take(limit);
        tally.restore(taken);
        const again = tally.take(limit);
        expect([total(taken), total(again)]).toEqual([refusals.length, refusals.length]);
        expect(taken.length).toBeLessThanOrEqual(limit);
      }),
    ));
});
