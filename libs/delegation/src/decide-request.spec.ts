import { describe, expect, it } from '@jest/globals';
import type { DelegationRequest, StepSpec } from '@mandate/contracts';
import {
  after,
  AGENTS,
  askedPlanner,
  CHAIN,
  DAY,
  dispatch,
  done,
  given,
  moment,
  PLANNER,
  proposal,
  recognition,
  request,
  steps,
  T0,
  told,
} from '../spec/scenes.js';
import type { RequestDelegation } from './commands.js';
import { decide } from './decide.js';
import type { DelegationEvent } from './events.js';
import { initial } from './evolve.js';
import { PLANNING_STEP } from './model.js';

const typesOf = (command: RequestDelegation): string[] => decide(command, initial).map((event) => event.type);

const only = <Type extends DelegationEvent['type']>(command: RequestDelegation, type: Type): Extract<DelegationEvent, { type: Type }> => {
  const found = decide(command, initial).filter((event): event is Extract<DelegationEvent, { type: Type }> => event.type === type);
  expect(found).toHaveLength(1);
  return found[0]!;
};

describe('a request with its own steps', () => {
  it.each<[string, Record<string, string[]>]>([
    ['direct', { a: [] }],
    ['sequential', { a: [], b: ['a'], c: ['b'] }],
    ['parallel', { a: [], b: [], c: ['a', 'b'] }],
    ['meta', { a: [], b: ['a'], c: ['a'], d: ['b'] }],
  ])('is %s when its graph is', (pattern, graph) => {
    const command = request({ steps: steps(graph) });
    given()
      .when(command)
      .thenMatches(
        { type: 'requested', data: { pattern: 'auto' } },
        { type: 'recognised', data: { pattern, confidence: 1, model: 'given-steps', planner: false } },
        { type: 'planned', data: { by: 'request', pattern } },
      );
    expect(only(command, 'recognised').data.alternatives.filter(({ confidence }) => confidence === 1)).toEqual([
      { pattern, confidence: 1 },
    ]);
    given()
      .when(request({ steps: steps(graph), pattern: pattern as 'direct' }))
      .thenMatches({}, {}, { type: 'planned', data: { pattern } });
  });

  it('is written down as it was asked, with the defaults filled in', () => {
    given()
      .when(request())
      .then(
        {
          type: 'requested',
          at: T0,
          data: {
            principal: 'ada',
            pattern: 'auto',
            budget: { deadlineAt: moment(DAY), depth: 5, steps: 256 },
            approval: 'irreversible',
          },
          personal: { goal: 'Write a report' },
        },
        {
          type: 'recognised',
          at: T0,
          data: {
            pattern: 'direct',
            confidence: 1,
            alternatives: [
              { pattern: 'direct', confidence: 1 },
              { pattern: 'sequential', confidence: 0 },
              { pattern: 'parallel', confidence: 0 },
              { pattern: 'meta', confidence: 0 },
            ],
            model: 'given-steps',
            planner: false,
          },
          personal: { reasons: ['the graph of the 1 given steps is direct'] },
        },
        {
          type: 'planned',
          at: T0,
          data: {
            by: 'request',
            pattern: 'direct',
            steps: [{ id: 'a', capability: 'search', dependsOn: [], irreversible: false, timeoutMs: 300_000, maxAttempts: 3 }],
          },
          personal: { texts: { a: {} }, reasons: [] },
        },
      );
  });

  it('keeps what only its reader may see apart', () => {
    const personal = { goal: 'Pay', input: { iban: 'DE00' }, metadata: { case: '7' }, tools: [{ id: 'bank' }] };
    const { data, personal: kept } = only(request(personal), 'requested');
    expect(kept).toEqual(personal);
    expect(JSON.stringify(data)).not.toMatch(/Pay|DE00|bank/);
  });

  it('takes each step as it was specified', () => {
    const spec: StepSpec = {
      id: 'pay',
      capability: 'pay',
      goal: 'Pay it',
      dependsOn: ['a', 'a'],
      irreversible: true,
      timeout: 'PT2S',
      maxAttempts: 1,
      input: 7,
    };
    const { data, personal } = only(request({ input: 'all', steps: [...steps({ a: [] }), spec] }), 'planned');
    expect(data.steps[1]).toEqual({
      id: 'pay',
      capability: 'pay',
      dependsOn: ['a'],
      irreversible: true,
      timeoutMs: 2_000,
      maxAttempts: 1,
    });
    expect(personal?.texts).toEqual({ a: { input: 'all' }, pay: { goal: 'Pay it', input: 7 } });
  });

  it.each<[string, Partial<DelegationRequest>]>([
    ['CYCLE', { steps: steps({ a: ['b'], b: ['a'] }) }],
    ['CYCLE', { steps: steps({ a: ['a'] }) }],
    ['NO_STEPS', { steps: [] }],
    ['UNKNOWN_DEPENDENCY', { steps: steps({ a: ['z'] }) }],
    ['DUPLICATE_STEP', { steps: [...steps({ a: [] }), ...steps({ a: [] })] }],
    ['UNKNOWN_CAPABILITY', { steps: steps({ a: [] }, { capability: 'fly' }) }],
    ['PATTERN_MISMATCH', { steps: steps({ a: [], b: ['a'] }), pattern: 'parallel' }],
    ['BUDGET_EXCEEDED', { steps: steps({ a: [], b: [], c: [] }), budget: { steps: 2 } }],
  ])('is refused as %s', (code, asked) => given().when(request(asked)).thenFails(code));

  it('may call a step as it likes: one named like the planning step is work like any other', () =>
    given(...after(request({ steps: steps({ [PLANNING_STEP]: [] }) }), dispatch(PLANNING_STEP)))
      .when(done(PLANNING_STEP))
      .thenMatches({}, { type: 'stepsucceeded' }, { type: 'completed', data: { steps: 1 } }));

  it('may use up its budget to the last step', () =>
    given()
      .when(request({ steps: steps({ a: [], b: [] }), budget: { steps: 2 } }))
      .thenMatches({}, {}, { type: 'planned' }));

  it('asks for approval at once where an irreversible step waits for nothing else', () =>
    given()
      .when(request({ steps: [...steps({ a: [] }, { irreversible: true }), ...steps({ b: ['a'] }, { irreversible: true })] }))
      .thenMatches({}, {}, { type: 'planned' }, { type: 'approvalrequested', data: { scope: 'step', stepId: 'a' } }));

  it.each([
    [undefined, undefined, 'irreversible'],
    [undefined, 'never', 'irreversible'],
    [undefined, 'plan', 'plan'],
    ['plan', 'irreversible', 'plan'],
    ['irreversible', undefined, 'irreversible'],
  ] as const)('has, as a child that asks for approval %s of a parent with %s, approval %s', (asked, parents, approval) => {
    const inherited = { deadlineAt: T0 + DAY, depth: 1, steps: 5, cost: { microUsd: null, tokens: null } };
    const command = request(asked ? { approval: asked } : {}, { inherited, ...(parents ? { parentApproval: parents } : {}) });
    given()
      .when(command)
      .thenMatches({ type: 'requested', data: { approval } }, {}, {}, ...(approval === 'plan' ? [{ type: 'approvalrequested' }] : []));
  });

  it('asks for no approval when the requester wants none', () =>
    given()
      .when(request({ approval: 'never', steps: steps({ a: [] }, { irreversible: true }) }))
      .thenMatches({}, {}, { type: 'planned' }));

  it('asks for the approval of the whole plan, and then of no step', () =>
    given()
      .when(request({ approval: 'plan', steps: steps({ a: [] }, { irreversible: true }) }))
      .thenMatches({}, {}, { type: 'planned' }, { type: 'approvalrequested', data: { scope: 'plan' } }));

  it('changes nothing when it comes again', () => {
    const first = decide(request(), initial);
    given(...first)
      .when(request({ goal: 'Something else' }))
      .then();
  });
});

const NO_LIMIT = { microUsd: null, tokens: null };

describe('the budget of a request', () => {
  it.each<[DelegationRequest['budget'], RequestDelegation['inherited'], object]>([
    [{ deadline: 'PT1H', depth: 0, steps: 9 }, null, { deadlineAt: moment(3_600_000), depth: 0, steps: 9 }],
    [{ depth: 1 }, null, { deadlineAt: moment(DAY), depth: 1, steps: 256 }],
    [{ usd: '0.4', tokens: 9 }, null, { deadlineAt: moment(DAY), depth: 5, steps: 256, usd: '0.40', tokens: 9 }],
    [
      { usd: '9' },
      { deadlineAt: T0 + 5_000, depth: 2, steps: 3, cost: { microUsd: 1, tokens: null } },
      { deadlineAt: moment(5_000), depth: 2, steps: 3, usd: '0.000001' },
    ],
    [undefined, { deadlineAt: T0 + 5_000, depth: 2, steps: 3, cost: NO_LIMIT }, { deadlineAt: moment(5_000), depth: 2, steps: 3 }],
    // What the parent could spare was decided with the parent; a child cannot widen it.
    [
      { deadline: 'P1D', depth: 9, steps: 99 },
      { deadlineAt: T0 + 5_000, depth: 2, steps: 3, cost: NO_LIMIT },
      { deadlineAt: moment(5_000), depth: 2, steps: 3 },
    ],
  ])('%j inheriting %j', (budget, inherited, expected) => {
    const command = request(budget ? { budget } : {}, { inherited });
    expect(only(command, 'requested').data.budget).toEqual(expected);
  });

  it('of a child is enforced with its own steps', () =>
    given()
      .when(request({ steps: steps({ a: [], b: [] }) }, { inherited: { deadlineAt: T0 + 1, depth: 0, steps: 1, cost: NO_LIMIT } }))
      .thenFails('BUDGET_EXCEEDED'));

  it('comes with the parent, without the secret of its lease', () => {
    const parent = { delegationId: 'p1', stepId: 's1', attempt: 2 };
    expect(only(request({ parent: { ...parent, leaseId: 'secret' } }), 'requested').data.parent).toEqual(parent);
  });
});

describe('a request in words', () => {
  const read = (confidence: number, plan: typeof CHAIN | { unplannable: string } = CHAIN, pattern: 'sequential' | 'meta' = 'sequential') =>
    ({ kind: 'read', recognition: recognition(pattern, confidence), plan }) as const;

  it('follows the reading and its plan', () => {
    const command = told(read(0.8), { input: 'raw' });
    given()
      .when(command)
      .thenMatches(
        { type: 'requested' },
        { type: 'recognised', data: { pattern: 'sequential', confidence: 0.8, model: 'clause-rules@1', planner: false } },
        { type: 'planned', data: { by: 'rules', pattern: 'sequential' }, personal: { reasons: ['"then" joins them'] } },
      );
    expect(only(command, 'planned').personal?.texts).toEqual({ s1: { goal: 'find it', input: 'raw' }, s2: { goal: 'write it' } });
  });

  it('takes the pattern of the plan, which may say more than the words', () => {
    const single = proposal({ id: 's1', capability: 'write', goal: 'write', dependsOn: [] });
    given()
      .when(told(read(0.8, single)))
      .thenMatches({}, { type: 'recognised', data: { pattern: 'sequential' } }, { type: 'planned', data: { pattern: 'direct' } });
  });

  it('takes the pattern that was asked for as certain, whatever was recognised', () => {
    const asked = { pattern: 'sequential' as const };
    const certain = { type: 'recognised', data: { pattern: 'sequential', confidence: 1, model: 'requested', planner: false } };
    for (const reading of [read(0.1), { kind: 'read', recognition: null, plan: CHAIN } as const])
      given()
        .when(told(reading, asked))
        .thenMatches({}, certain, { type: 'planned', data: { by: 'rules' } });
  });

  const unread = { kind: 'unread', detail: 'no answer within 200 ms' } as const;
  it.each<[string, RequestDelegation]>([
    ['LOW_CONFIDENCE', told(read(0.59))],
    ['LOW_CONFIDENCE', told({ kind: 'read', recognition: null, plan: CHAIN })],
    ['UNPLANNABLE', told(read(0.9, { unplannable: 'no capability fits' }))],
    ['UNPLANNABLE', told(read(0.9), { budget: { steps: 1 } })],
    ['RECOGNISER_FAILED', told({ ...unread, reason: 'RECOGNISER_FAILED' })],
    ['RECOGNISER_SLOW', told({ ...unread, reason: 'RECOGNISER_SLOW' })],
  ])('falls back to plain delegation: %s', (reason, command) => {
    expect(typesOf(command)).toEqual(['requested', 'recognised', 'fellback', 'planned']);
    expect(only(command, 'fellback').data).toEqual({ reason, capability: 'write' });
    expect(only(command, 'planned')).toMatchObject({
      data: { by: 'fallback', pattern: 'direct', steps: [{ id: 's1', capability: 'write', dependsOn: [] }] },
      personal: { texts: { s1: { goal: 'Write a report' } } },
    });
  });

  it('is sure enough at the threshold', () => expect(typesOf(told(read(0.6)))).not.toContain('fellback'));

  it('hands the input on when it falls back', () =>
    expect(only(told(read(0), { input: 'raw' }), 'planned').personal?.texts).toEqual({ s1: { goal: 'Write a report', input: 'raw' } }));

  it('waits for the approval of the plan, also of the fallback', () => {
    for (const command of [told(read(0.8), { approval: 'plan' }), told(read(0.1), { approval: 'plan' })])
      expect(only(command, 'approvalrequested').data).toMatchObject({ scope: 'plan' });
  });

  it('has no confidence at all in what nobody read', () =>
    expect(only(told({ ...unread, reason: 'RECOGNISER_SLOW' }), 'recognised').data).toMatchObject({ confidence: 0, model: 'none' }));

  it.each<[string, Partial<RequestDelegation>]>([
    ['nobody has registered', { agents: [] }],
    ['only planners have', { agents: [PLANNER] }],
  ])('is refused while %s', (_why, more) =>
    given()
      .when(told(read(0.1), {}, more))
      .thenFails('NO_CAPABILITY'),
  );

  it('without a reading is a mistake of the engine', () =>
    given()
      .when({ ...told(read(0.9)), reading: null })
      .thenFails('INTERNAL'));
});

describe('a request that needs a planner', () => {
  it('asks the planner first', () =>
    given()
      .when(askedPlanner())
      .thenMatches({ type: 'requested' }, { type: 'recognised', data: { pattern: 'meta', planner: true } }));

  it('asks the planner too when the requester says meta', () =>
    expect(only(askedPlanner({ pattern: 'meta' }), 'recognised').data).toMatchObject({ planner: true, model: 'requested' }));

  it.each<[string, RequestDelegation, string]>([
    ['no planner has registered', askedPlanner({}, { agents: AGENTS }), 'UNPLANNABLE'],
    ['the planners are away', askedPlanner({}, { plannerAvailable: false }), 'UNPLANNABLE'],
    ['the budget has no step beside the planner', askedPlanner({ budget: { steps: 1 } }), 'UNPLANNABLE'],
    ['the reading is unsure', askedPlanner({}, { threshold: 0.95 }), 'LOW_CONFIDENCE'],
  ])('does without when %s', (_why, command, reason) => {
    expect(only(command, 'recognised').data.planner).toBe(false);
    expect(only(command, 'fellback').data.reason).toBe(reason);
  });

  it('does without for a pattern that the rules can plan', () => {
    const command = told({ kind: 'read', recognition: recognition('sequential', 0.9), plan: CHAIN }, {}, { plannerAvailable: true });
    expect(typesOf({ ...command, agents: [...AGENTS, PLANNER] })).toEqual(['requested', 'recognised', 'planned']);
  });
});
