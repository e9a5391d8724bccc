import { describe, expect, it } from '@jest/globals';
import {
  accepted,
  activeAfter,
  after,
  asks,
  child,
  DAY,
  dispatch,
  done,
  fold,
  failed,
  given,
  lost,
  MINUTE,
  moment,
  notAccepted,
  request,
  SECOND,
  steps,
  steer,
  T0,
  wake,
} from '../spec/scenes.js';
import type { DelegationDecisionCommand } from './commands.js';
import { decide } from './decide.js';
import { orphansOf, stepsLeft, usedBy } from './deciding/children.js';
import { evolve } from './evolve.js';
import type { Delegation } from './model.js';

/** Ten steps in all, one of them this; three levels below. */
const parent = request({ budget: { deadline: 'PT1H', depth: 3, steps: 10 } });
const HOUR = 60 * MINUTE;
const begun = [parent, dispatch('a'), accepted('a')];
const numbered = (n: number, asked: Parameters<typeof child>[0] = {}): DelegationDecisionCommand => child(asked, { childId: `c${n}` });

describe('a child', () => {
  it('gets what is left when it asks for nothing: one level less, and a step for each', () =>
    given(...after(...begun))
      .when(child({}, { now: T0 + 5 }))
      .then({
        type: 'childadmitted',
        at: T0 + 5,
        data: { childId: 'c1', stepId: 'a', attempt: 1, budget: { deadlineAt: moment(HOUR), depth: 2, steps: 3 } },
      }));

  it('may be asked for by an attempt that was offered: its acceptance may come later than its child', () =>
    given(...after(parent, dispatch('a')))
      .when(child())
      .thenMatches({ type: 'childadmitted' }));

  it.each<[Parameters<typeof child>[0], object]>([
    [
      { deadlineMs: MINUTE, depth: 0, steps: 2 },
      { deadlineAt: moment(MINUTE), depth: 0, steps: 2 },
    ],
    [
      { deadlineMs: HOUR, depth: 2, steps: 9 },
      { deadlineAt: moment(HOUR), depth: 2, steps: 9 },
    ],
    [{ stepCount: 7 }, { steps: 7 }],
    [{ stepCount: 1 }, { steps: 3 }],
    [{ steps: 8, stepCount: 7 }, { steps: 8 }],
  ])('gets what it asks for: %j', (asked, budget) =>
    given(...after(...begun))
      .when(child(asked))
      .thenMatches({ type: 'childadmitted', data: { budget } }),
  );

  it.each<[string, Parameters<typeof child>[0]]>([
    ['steps', { steps: 10 }],
    ['steps', { stepCount: 10 }],
    ['steps', { steps: 0 }],
    ['depth', { depth: 3 }],
    ['deadline', { deadlineMs: HOUR + 1 }],
  ])('cannot have more than its parent: %s of %j', (limit, asked) => {
    given(...after(...begun))
      .when(child(asked))
      .thenFails('BUDGET_EXCEEDED');
    expect(() => decide(child(asked), activeAfter(...begun))).toThrow(expect.objectContaining({ details: { limit } }));
  });

  it.each(['irreversible', 'plan'] as const)('of a delegation with approval %s may not ask for none', (approval) =>
    given(...after(request({ approval }), ...(approval === 'plan' ? [steer('approve')] : []), dispatch('a')))
      .when(child({ approval: 'never' }))
      .thenFails('WEAKER_APPROVAL'),
  );

  it('may ask for a stricter approval than its parent', () =>
    given(...after(request({ approval: 'never' }), dispatch('a')))
      .when(child({ approval: 'plan' }))
      .thenMatches({ type: 'childadmitted' }));

  it('cannot outlive its parent by asking late', () =>
    given(...after(...begun))
      .when(child({ deadlineMs: MINUTE }, { now: T0 + HOUR - SECOND }))
      .thenFails('BUDGET_EXCEEDED'));

  it.each([{}, { depth: 0 }])('is refused where the depth is used up: %j', (asked) =>
    given(...after(request({ budget: { depth: 0 } }), dispatch('a'), accepted('a')))
      .when(child(asked))
      .thenFails('DEPTH_EXCEEDED'),
  );

  it('is admitted once, whatever it asks for the second time', () => {
    const admitted = after(...begun, child());
    given(...admitted)
      .when(child())
      .then();
    given(...admitted)
      .when(child({ steps: 999 }, { attempt: 7 }))
      .then();
  });

  it('that is asked for again may begin after its attempt succeeded', () =>
    given(...after(request({ steps: steps({ a: [], b: ['a'] }) }), dispatch('a'), accepted('a'), child(), done('a')))
      .when(child())
      .then());

  const again = dispatch('a', { now: T0 + SECOND });
  it.each<[string, DelegationDecisionCommand[]]>([
    ['failed', [failed('a')]],
    ['was lost and is done anew', [lost('a'), again]],
    ['asked a question', [asks('a')]],
    ['was not accepted', [notAccepted('a')]],
  ])('that is asked for again must not begin once its attempt %s: the cancel of it found nothing', (_what, since) => {
    const offered = since[0]?.type === 'not-accepted' ? [parent, dispatch('a')] : begun;
    given(...after(...offered, child(), ...since))
      .when(child())
      .thenFails('PARENT_LEASE_NOT_CURRENT');
  });

  it.each<[string, DelegationDecisionCommand[], DelegationDecisionCommand]>([
    ['was not offered yet', [parent], child()],
    ['has failed', [...begun, failed('a')], child()],
    ['was lost and done anew', [...begun, lost('a'), again], child()],
    ['is not there yet', begun, child({}, { attempt: 2 })],
    ['asked a question', [...begun, asks('a')], child()],
    ['is of a step that does not exist', begun, child({}, { stepId: 'z' })],
    ['has succeeded', [request({ steps: steps({ a: [], b: ['a'] }) }), dispatch('a'), done('a')], child()],
  ])('is refused when its parent attempt %s', (_why, commands, command) =>
    given(...after(...commands))
      .when(command)
      .thenFails('PARENT_LEASE_NOT_CURRENT'),
  );
});

describe('children together', () => {
  it('share what there is', () => {
    const left = [9, 6, 5, 4, 3, 2, 1, 0];
    left.forEach((expected, count) => {
      const admitted = Array.from({ length: count }, (_, i) => numbered(i));
      expect(stepsLeft(activeAfter(...begun, ...admitted))).toBe(expected);
    });
    given(...after(...begun, ...[1, 2, 3, 4, 5, 6, 7].map((n) => numbered(n))))
      .when(numbered(8))
      .thenFails('BUDGET_EXCEEDED');
  });

  it('get an eighth each of what is left beside the first', () => {
    const asked = [request({ budget: { steps: 256 } }), dispatch('a'), accepted('a'), ...[1, 2, 3].map((n) => numbered(n))];
    expect(activeAfter(...asked).children.map(({ steps }) => steps)).toEqual([32, 28, 25]);
  });

  it('reach the default depth in a chain that asks for nothing', () => {
    const steps = [256];
    for (let depth = 5; depth > 0; depth--) {
      const asked = request({ budget: { depth, steps: steps.at(-1) as number } });
      steps.push(activeAfter(asked, dispatch('a'), accepted('a'), child()).children[0]?.steps as number);
    }
    expect(steps).toEqual([256, 32, 4, 3, 2, 1]);
  });

  it('keep what they have when their attempt is over: their steps may have been taken', () =>
    expect(stepsLeft(activeAfter(...begun, child({ steps: 4 }), failed('a')))).toBe(5));

  it('leave the parent room for the steps that it has itself', () => {
    const two = [request({ budget: { steps: 3 }, steps: steps({ a: [], b: ['a'] }) }), dispatch('a')];
    given(...after(...two))
      .when(child({ steps: 2 }))
      .thenFails('BUDGET_EXCEEDED');
    given(...after(...two))
      .when(child())
      .thenMatches({ data: { budget: { steps: 1, deadlineAt: moment(DAY) } } });
  });
});

describe('a child that has ended', () => {
  const ended = (steps: number, more: { tokens?: number; childId?: string } = {}): DelegationDecisionCommand => ({
    type: 'child-ended',
    childId: more.childId ?? 'c1',
    used: { steps, cost: { microUsd: 0, tokens: more.tokens ?? 0 } },
    now: T0,
  });

  it('gives back what it did not use, once', () => {
    const settled = [...begun, child({ steps: 4 }), ended(1)];
    expect(stepsLeft(activeAfter(...begun, child({ steps: 4 })))).toBe(5);
    expect(stepsLeft(activeAfter(...settled))).toBe(8);
    given(...after(...settled))
      .when(ended(0))
      .then();
    given(...after(...begun))
      .when(ended(0))
      .then();
  });

  it('makes room for the next one, also of money', () => {
    const rich = [request({ budget: { tokens: 80, steps: 4 } }), dispatch('a'), child({ steps: 3, tokens: 80 })];
    given(...after(...rich))
      .when(child({}, { childId: 'c2' }))
      .thenFails('BUDGET_EXCEEDED');
    given(...after(...rich, ended(1, { tokens: 16 })))
      .when(child({ steps: 2 }, { childId: 'c2' }))
      .thenMatches({ type: 'childadmitted', data: { budget: { steps: 2, tokens: 8 } } });
  });

  it('counts with all that is below it', () => {
    const state = fold(after(...begun, child({ steps: 4 }), child({ steps: 2 }, { childId: 'c2' }), ended(1)));
    expect(usedBy(state)).toMatchObject({ steps: 1 + 1 + 2 });
  });

  it('counts with what it used where that is known already, and with what was set apart where it is not', () => {
    const state = activeAfter(...begun, numbered(1, { steps: 4 }), numbered(2, { steps: 3 }));
    const used = { steps: 1, cost: { microUsd: 70, tokens: 5 } };
    expect(usedBy(state)).toMatchObject({ steps: 1 + 4 + 3 });
    expect(usedBy(state, new Map([['c1', used]]))).toEqual({ steps: 1 + 1 + 3, cost: { microUsd: 70, tokens: 5 } });
  });

  it('still counts as one of those that a delegation may have', () => {
    const many = Array.from({ length: 1_000 }, (_, n) => [
      child({ steps: 1 }, { childId: `c${n}` }),
      ended(0, { childId: `c${n}` }),
    ]).flat();
    const state = many.reduce<Delegation>(
      (folded, command) => decide(command, folded).reduce((s, event) => evolve(s, event), folded),
      fold(after(...begun)),
    );
    expect(() => decide(child({}, { childId: 'one-more' }), state)).toThrow('has had 1000 children');
  });
});

describe('children that lose their parent', () => {
  const both = [request({ steps: steps({ a: [], b: [] }, { maxAttempts: 2 }) }), dispatch('a'), dispatch('b'), accepted('a')];
  const family = [...both, numbered(1), numbered(2), child({}, { childId: 'c3', stepId: 'b' })];

  it('are those of the attempt, or all', () => {
    const state = activeAfter(...family);
    expect(orphansOf(state, { stepId: 'a', attempt: 1 })).toEqual(['c1', 'c2']);
    expect(orphansOf(state, { stepId: 'a', attempt: 2 })).toEqual([]);
    expect(orphansOf(state)).toEqual(['c1', 'c2', 'c3']);
  });

  it.each<[string, DelegationDecisionCommand, string[]]>([
    ['an attempt fails', failed('a'), ['c1', 'c2']],
    ['a worker is lost', lost('a'), ['c1', 'c2']],
    ['an attempt asks a question', asks('a'), ['c1', 'c2']],
    ['the attempts take too long', wake(5 * MINUTE), ['c1', 'c2', 'c3']],
    ['a step fails for good', failed('a', {}, false), ['c1', 'c2', 'c3']],
    ['the delegation is canceled', steer('cancel'), ['c1', 'c2', 'c3']],
    ['the deadline passes', wake(DAY), ['c1', 'c2', 'c3']],
  ])('are canceled when %s', (_when, command, expected) => {
    const named = decide(command, activeAfter(...family)).flatMap((event) => ('cancels' in event.data ? event.data.cancels : []));
    expect(new Set(named)).toEqual(new Set(expected));
  });

  it('are canceled too when their attempt came to nothing: its worker may have begun, and answered too late', () =>
    given(...after(parent, dispatch('a'), child()))
      .when(notAccepted('a', { reason: 'no-answer' }))
      .thenMatches({ type: 'stepretried', data: { code: 'NOT_ACCEPTED', cancels: ['c1'] } }));

  it('are only those of the latest attempt', () => {
    const second = [failed('a'), dispatch('a', { now: T0 + SECOND }), child({}, { childId: 'c4', attempt: 2 })];
    given(...after(...family, ...second))
      .when(lost('a', { attempt: 2 }))
      .thenMatches({ type: 'steptimedout' }, { type: 'stepretried', data: { cancels: ['c4'] } });
  });

  it('are none when the attempt succeeded', () =>
    expect(decide(done('a'), activeAfter(...family)).some((event) => 'cancels' in event.data)).toBe(false));
});
