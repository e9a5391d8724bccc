import { describe, expect, it } from '@jest/globals';
import type { StepSpec } from '@mandate/contracts';
import { canonicalJson, type JsonObject } from '@mandate/kernel';
import {
  accepted,
  activeAfter,
  after,
  AGENTS,
  askedPlanner,
  CHAIN,
  dispatch,
  failed,
  fold,
  given,
  moment,
  PLANNER,
  recognition,
  request,
  result,
  steps,
  told,
} from '../spec/scenes.js';
import type { DelegationDecisionCommand, RequestDelegation } from './commands.js';
import { lineageOf } from './deciding/cycle.js';
import { PLANNING_STEP, type ActiveDelegation } from './model.js';

const workDigest = (work: JsonObject): string => canonicalJson(work);
const guarded = <Command extends DelegationDecisionCommand>(command: Command): Command => ({ ...command, workDigest });

/** As a child of `parent`, whose attempt at `stepId` asks for it. */
const below = (parent: ActiveDelegation, stepId: string, asked: RequestDelegation): DelegationDecisionCommand =>
  guarded({ ...asked, inherited: parent.budget, lineage: lineageOf(parent, stepId, workDigest) });

const one = (capability: string, more: object = {}): StepSpec[] => [{ id: 's', capability, ...more }];
const parentAt = (capability: string, asked: Partial<RequestDelegation['request']> = {}): ActiveDelegation =>
  activeAfter(request({ steps: one(capability), input: { year: 2026 }, ...asked }), dispatch('s'), accepted('s'));

describe('a child', () => {
  const parent = parentAt('write');
  const middle = activeAfter(
    below(parent, 's', request({ goal: 'look it up', steps: one('search') })) as RequestDelegation,
    dispatch('s'),
    accepted('s'),
  );

  it.each<[string, Partial<RequestDelegation['request']>]>([
    ['as it stands', { input: { year: 2026 }, steps: one('write') }],
    ['in other case and spacing', { goal: ' write  a\nREPORT ', input: { year: 2026 }, steps: one('write') }],
    ['with its texts in the step', { goal: 'x', steps: one('write', { goal: 'Write a report', input: { year: 2026 } }) }],
    ['beside other steps', { input: { year: 2026 }, steps: [...one('write'), { id: 't', capability: 'search' }] }],
  ])('that plans what is being done further up, %s, is refused: A asks B, which asks A', (_how, asked) =>
    given()
      .when(below(middle, 's', request(asked)))
      .thenFails('DELEGATION_CYCLE'),
  );

  it("may be handed its parent's work by given steps, again and again", () => {
    const same = request({ input: { year: 2026 }, steps: one('write') });
    const child = activeAfter(below(parent, 's', same) as RequestDelegation, dispatch('s'), accepted('s'));
    expect(child.lineage).toHaveLength(1);
    given()
      .when(below(child, 's', same))
      .thenMatches({ type: 'requested' }, { type: 'recognised' }, { type: 'planned' });
    const other = activeAfter(below(child, 's', request({ goal: 'look it up', steps: one('search') })) as RequestDelegation, dispatch('s'));
    given()
      .when(below(other, 's', same))
      .thenFails('DELEGATION_CYCLE');
  });

  it.each<[string, Partial<RequestDelegation['request']>]>([
    ['capability', { input: { year: 2026 }, steps: one('search') }],
    ['goal', { goal: 'Write half a report', input: { year: 2026 }, steps: one('write') }],
    ['input', { input: { year: 2025 }, steps: one('write') }],
  ])('of another %s is welcome', (_what, asked) =>
    given()
      .when(below(middle, 's', request(asked)))
      .thenMatches({ type: 'requested' }, { type: 'recognised' }, { type: 'planned' }),
  );

  it('may plan the same behind another step: it gets results that its parent did not have', () =>
    given()
      .when(
        below(
          middle,
          's',
          request({
            steps: [
              { id: 'r', capability: 'search' },
              { id: 's', capability: 'write', goal: 'Write a report', input: { year: 2026 }, dependsOn: ['r'] },
            ],
          }),
        ),
      )
      .thenMatches({ type: 'requested' }, { type: 'recognised' }, { type: 'planned' }));

  it('of a step that waited for others is compared with what is further up only', () => {
    const chained = activeAfter(request({ steps: steps({ a: [], b: ['a'] }) }));
    expect(lineageOf(chained, 'b', workDigest)).toEqual([]);
    expect(lineageOf(chained, 'a', workDigest)).toHaveLength(1);
  });

  it('is refused when plain delegation would hand it back', () => {
    const unsure = { kind: 'read' as const, recognition: recognition('parallel', 0.2), plan: CHAIN };
    const agents = [{ capability: 'write', description: 'Writes a report' }];
    given()
      .when(below(parent, 's', told(unsure, { input: { year: 2026 } }, { agents })))
      .thenFails('DELEGATION_CYCLE');
  });

  it('is refused when a planner that delegates would be asked for the same plan', () => {
    const planning = activeAfter(askedPlanner(), dispatch(PLANNING_STEP));
    given()
      .when(below(planning, PLANNING_STEP, askedPlanner()))
      .thenFails('DELEGATION_CYCLE');
  });
});

describe('a plan that comes later', () => {
  const parent = parentAt('write', { goal: 'compare', input: null });
  const child = below(parent, 's', askedPlanner({ goal: 'something else' }));
  const planned = (plan: StepSpec[]): DelegationDecisionCommand =>
    guarded(result(PLANNING_STEP, { status: 'completed', plan }, { agents: [...AGENTS, PLANNER] }));

  it('ends the child when it goes round, with nothing of it begun', () => {
    given(...after(child, dispatch(PLANNING_STEP), accepted(PLANNING_STEP)))
      .when(planned(one('write', { goal: 'Compare' })))
      .thenMatches(
        { type: 'stepsucceeded' },
        { type: 'failed', at: Date.parse(moment(0)), data: { code: 'DELEGATION_CYCLE', cancels: [] } },
      );
  });

  it('is carried out when it does not', () =>
    given(...after(child, dispatch(PLANNING_STEP), accepted(PLANNING_STEP)))
      .when(planned(one('write', { goal: 'contrast' })))
      .thenMatches({ type: 'stepsucceeded' }, { type: 'planned' }));

  it('nor does plain delegation take the place of a planner that failed, when that goes round', () => {
    const agents = [{ capability: 'write', description: 'Writes, compares' }, PLANNER];
    const asked = below(parent, 's', askedPlanner({ goal: 'compare' }, { agents }));
    const events = after(
      asked,
      dispatch(PLANNING_STEP),
      guarded({ ...failed(PLANNING_STEP), agents } as Extract<DelegationDecisionCommand, { type: 'result' }>),
    );
    expect(events.map(({ type }) => type).slice(-2)).toEqual(['stepfailed', 'failed']);
    expect(fold(events)).toMatchObject({ status: 'failed', error: { code: 'DELEGATION_CYCLE' } });
  });
});

it('a history without lineages folds as before', () => {
  const [requested] = after(request());
  expect(requested?.data).not.toHaveProperty('lineage');
  expect(activeAfter(request()).lineage).toEqual([]);
});
