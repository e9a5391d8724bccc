/** Budgets in money and tokens: they only narrow, and at the limit the delegation stops. */
import { describe, expect, it } from '@jest/globals';
import type { Budget, StepUsage } from '@mandate/contracts';
import fc from 'fast-check';
import { accepted, activeAfter, after, child, dispatch, done, failed, given, request, result, steps } from '../spec/scenes.js';
import { microUsdOf, usdText } from './cost.js';
import { decide } from './decide.js';

const chain = (budget: Budget) => request({ budget, steps: steps({ a: [], b: ['a'] }) });
const reports = (stepId: string, usage: StepUsage) => result(stepId, { status: 'completed', output: stepId, usage });

describe('money', () => {
  it.each([
    ['0.4', 400_000, '0.40'],
    ['12', 12_000_000, '12.00'],
    ['0.000001', 1, '0.000001'],
    ['3.14159', 3_141_590, '3.14159'],
  ])('%s is %i millionths and reads %s', (text, micro, shown) => expect([microUsdOf(text), usdText(micro)]).toEqual([micro, shown]));

  it('is exact: what is written is what was read', () =>
    fc.assert(fc.property(fc.nat(2 ** 31), (micro) => expect(microUsdOf(usdText(micro))).toBe(micro))));
});

describe('what attempts use', () => {
  it('adds up over steps, retries and failures', () => {
    const used = {
      status: 'failed' as const,
      error: { code: 'BAD_DAY', message: 'x', retryable: true },
      usage: { usd: '0.10', tokens: 3 },
    };
    const state = activeAfter(
      chain({}),
      dispatch('a'),
      result('a', used),
      dispatch('a', { now: Date.parse('2026-01-05T10:00:00Z') }),
      result('a', { status: 'completed', output: 1, usage: { usd: '0.05' } }, { attempt: 2 }),
    );
    expect(state.spent).toEqual({ microUsd: 150_000, tokens: 3 });
  });

  it('at the limit stops the delegation, and says what is spent', () =>
    given(...after(chain({ usd: '0.40' }), dispatch('a')))
      .when(reports('a', { usd: '0.40' }))
      .thenMatches(
        {},
        { type: 'stepsucceeded' },
        {
          type: 'failed',
          data: { code: 'BUDGET_EXCEEDED' },
          personal: { error: 'the budget is used up before the work is done: 0.40 USD of 0.40 are spent' },
        },
      ));

  it('below the limit goes on', () =>
    given(...after(chain({ tokens: 10 }), dispatch('a')))
      .when(reports('a', { tokens: 9 }))
      .thenMatches({}, { type: 'stepsucceeded' }));

  it('does not undo work that is done: the last step may use up the budget', () =>
    given(...after(chain({ tokens: 10 }), dispatch('a'), reports('a', { tokens: 9 }), dispatch('b')))
      .when(reports('b', { tokens: 99 }))
      .thenMatches({}, { type: 'stepsucceeded' }, { type: 'completed' }));

  it('stops retries too', () =>
    given(...after(chain({ tokens: 10 }), dispatch('a'), accepted('a')))
      .when({ ...failed('a'), result: { ...failed('a').result, usage: { tokens: 10 } } })
      .thenMatches({ type: 'stepretried', data: { usage: { tokens: 10 } } }, { type: 'failed', data: { code: 'BUDGET_EXCEEDED' } }));
});

describe('a child', () => {
  const parent = [request({ budget: { usd: '0.80', tokens: 800 } }), dispatch('a'), accepted('a')];

  it('gets a share of what is left, or what it asks for', () => {
    given(...after(...parent))
      .when(child())
      .thenMatches({ data: { budget: { usd: '0.10', tokens: 100 } } });
    given(...after(...parent))
      .when(child({ microUsd: 800_000, tokens: 1 }))
      .thenMatches({ data: { budget: { usd: '0.80', tokens: 1 } } });
  });

  it('cannot have more than is left beside its siblings', () => {
    const admitted = [...parent, child({ microUsd: 700_000 }, { childId: 'c0' })];
    expect(() => decide(child({ microUsd: 100_001 }), activeAfter(...admitted))).toThrow(
      expect.objectContaining({ code: 'BUDGET_EXCEEDED', details: { limit: 'usd' } }),
    );
    given(...after(...admitted))
      .when(child({ microUsd: 100_000 }))
      .thenMatches({ type: 'childadmitted' });
  });

  it('may limit itself where its parent has no limit', () =>
    given(...after(request(), dispatch('a')))
      .when(child({ tokens: 5 }))
      .thenMatches({ data: { budget: { tokens: 5 } } }));

  it('of a parent that is broke is refused', () =>
    given(
      ...after(request({ budget: { tokens: 1 }, steps: steps({ a: [], b: [] }) }), dispatch('a'), child({ tokens: 1 }, { childId: 'c0' })),
    )
      .when(child())
      .thenFails('BUDGET_EXCEEDED'));
});

describe('without limits', () => {
  it('nothing is ever too dear', () =>
    given(...after(chain({}), dispatch('a')))
      .when(reports('a', { usd: '999999.00', tokens: 1e9 }))
      .thenMatches({}, { type: 'stepsucceeded' }));

  it('and the view still says what was used', () =>
    expect(activeAfter(chain({}), dispatch('a'), done('a')).spent).toEqual({ microUsd: 0, tokens: 0 }));
});
