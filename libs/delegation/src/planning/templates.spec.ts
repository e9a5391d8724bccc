import { describe, expect, it } from '@jest/globals';
import { validateGraph } from '@mandate/recognition';
import fc from 'fast-check';
import { mineTemplates, type UsedGraph } from './templates.js';

type Edges = Record<string, [capability: string, ...dependsOn: string[]]>;
let uses = 0;
const used = (graph: Edges, more: Partial<UsedGraph> = {}): UsedGraph => ({
  delegationId: `d${++uses}`,
  principal: 'ann',
  steps: Object.entries(graph).map(([id, [capability, ...dependsOn]]) => ({ id, capability, dependsOn })),
  succeeded: true,
  endedAt: `2026-11-25T00:00:00.${String(uses).padStart(3, '0')}Z`,
  ...more,
});

const DIAMOND: Edges = { a: ['search'], b: ['extract', 'a'], c: ['translate', 'a'], d: ['write', 'b', 'c'] };
/** The same graph under other names, in another order. */
const RENAMED: Edges = { z: ['write', 'x', 'y'], y: ['extract', 'w'], x: ['translate', 'w'], w: ['search'] };

describe('mined templates', () => {
  it('are graphs that served three times, whatever their steps were called, with what speaks for them', () => {
    const graphs = [used(DIAMOND), used(RENAMED, { principal: 'bob' }), used(DIAMOND), used(DIAMOND, { succeeded: false })];
    const [template, ...others] = mineTemplates(graphs);
    expect(others).toEqual([]);
    expect(template).toEqual({
      name: 'search-to-write',
      pattern: 'parallel',
      steps: [
        { id: 's1', capability: 'search', dependsOn: [] },
        { id: 's2', capability: 'extract', dependsOn: ['s1'] },
        { id: 's3', capability: 'translate', dependsOn: ['s1'] },
        { id: 's4', capability: 'write', dependsOn: ['s2', 's3'] },
      ],
      evidence: {
        succeeded: 3,
        failed: 1,
        requesters: 2,
        lastUsedAt: graphs[3]?.endedAt,
        delegations: graphs.map(({ delegationId }) => delegationId).reverse(),
      },
      confidence: expect.closeTo(0.3, 2) as unknown,
    });
  });

  it('need more than one step and more than two uses that served', () => {
    const direct: Edges = { a: ['search'] };
    expect(mineTemplates([direct, direct, direct, DIAMOND, DIAMOND].map((graph) => used(graph)))).toEqual([]);
    expect(mineTemplates([used(DIAMOND), used(DIAMOND)], 2)).toHaveLength(1);
  });

  it('tell apart graphs of the same capabilities, and names of the same ends; the surest is first', () => {
    const chain: Edges = { a: ['search'], b: ['extract', 'a'], c: ['extract', 'b'], d: ['write', 'c'] };
    const wide: Edges = { a: ['search'], b: ['extract', 'a'], c: ['extract', 'a'], d: ['write', 'b', 'c'] };
    const graphs = [...Array(3).fill(chain), ...Array(5).fill(wide)] as Edges[];
    expect(mineTemplates(graphs.map((graph) => used(graph))).map(({ name, pattern }) => [name, pattern])).toEqual([
      ['search-to-write', 'parallel'],
      ['search-to-write-2', 'sequential'],
    ]);
  });

  it('are the same for any naming and order of the steps', () => {
    const graph = fc
      .array(fc.record({ capability: fc.constantFrom('a', 'b'), on: fc.array(fc.nat(8), { maxLength: 3 }) }), {
        minLength: 2,
        maxLength: 8,
      })
      .map((list) =>
        list.map(({ capability, on }, i) => ({
          id: `n${i}`,
          capability,
          dependsOn: [...new Set(on.filter((at) => at < i))].map((at) => `n${at}`),
        })),
      );
    fc.assert(
      fc.property(
        graph.chain((steps) => fc.tuple(fc.constant(steps), fc.shuffledSubarray(steps, { minLength: steps.length }))),
        ([steps, shuffled]) => {
          const one = { ...used({}), steps };
          const other = {
            ...used({}),
            steps: shuffled.map(({ id, capability, dependsOn }) => ({
              id: `x${id}`,
              capability,
              dependsOn: dependsOn.map((on) => `x${on}`),
            })),
          };
          const [template, ...others] = mineTemplates([one, other], 2);
          expect(others).toEqual([]);
          validateGraph(template?.steps ?? []);
          expect(template?.steps).toHaveLength(steps.length);
        },
      ),
    );
  });
});
