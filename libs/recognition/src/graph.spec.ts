import { describe, expect, it } from '@jest/globals';
import { AppError } from '@mandate/kernel';
import fc from 'fast-check';
import { patternOf, patternOfOrdered, topologicalOrder, transitiveReduction, validateGraph, type GraphNode } from './graph.js';

/** `a b<a c<a,b`: nodes with what they depend on. */
const graph = (text: string): GraphNode[] =>
  text.split(' ').map((node) => {
    const [id = '', on] = node.split('<');
    return { id, dependsOn: on ? on.split(',') : [] };
  });

const failure = (nodes: GraphNode[]): AppError => {
  try {
    validateGraph(nodes);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('the graph is valid');
};

/** Any DAG: node i may depend on nodes before it; then shuffled, so that the given order says nothing. */
const anyDag = fc
  .integer({ min: 1, max: 8 })
  .chain((size) =>
    fc.tuple(
      fc.array(fc.array(fc.nat({ max: size }), { maxLength: 4 }), { minLength: size, maxLength: size }),
      fc.shuffledSubarray([...Array(size).keys()], { minLength: size, maxLength: size }),
    ),
  )
  .map(([lists, order]) => order.map((i) => ({ id: `n${i}`, dependsOn: (lists[i] as number[]).filter((d) => d < i).map((d) => `n${d}`) })));

const ancestors = (nodes: readonly GraphNode[]): Map<string, Set<string>> => {
  const all = new Map<string, Set<string>>();
  for (const id of topologicalOrder(nodes)) {
    const node = nodes.find((n) => n.id === id) as GraphNode;
    all.set(id, new Set(node.dependsOn.flatMap((d) => [d, ...(all.get(d) as Set<string>)])));
  }
  return all;
};

/** The contract's words taken literally, on the reduction; slow and plain. */
const patternByDefinition = (nodes: readonly GraphNode[]): string => {
  const reduced = transitiveReduction(nodes);
  if (reduced.length === 1) return 'direct';
  const awaitedBy = (id: string): number => reduced.filter((n) => n.dependsOn.includes(id)).length;
  const edges = reduced.reduce((sum, n) => sum + n.dependsOn.length, 0);
  if (edges === reduced.length - 1 && reduced.every((n) => n.dependsOn.length <= 1 && awaitedBy(n.id) <= 1)) return 'sequential';
  const ids: (string | null)[] = [null, ...reduced.map((n) => n.id)];
  const fans = ids.some((root) =>
    ids.some((sink) => {
      if (root !== null && root === sink) return false;
      const middle = reduced.filter((n) => n.id !== root && n.id !== sink);
      return (
        middle.length >= 2 &&
        middle.every((n) => n.dependsOn.join() === (root ?? '')) &&
        (root === null || (reduced.find((n) => n.id === root) as GraphNode).dependsOn.length === 0) &&
        (sink === null ||
          (awaitedBy(sink) === 0 && middle.every((n) => (reduced.find((s) => s.id === sink) as GraphNode).dependsOn.includes(n.id))))
      );
    }),
  );
  return fans ? 'parallel' : 'meta';
};

describe('patternOf', () => {
  it.each([
    ['a', 'direct'],
    ['a b<a', 'sequential'],
    ['a b<a c<b', 'sequential'],
    ['c<b b<a a', 'sequential'],
    ['a b<a c<a,b', 'sequential'],
    ['a b', 'parallel'],
    ['a b c<a,b', 'parallel'],
    ['r a<r b<r', 'parallel'],
    ['r a<r b<r s<a,b', 'parallel'],
    ['r a<r b<r s<a,b,r', 'parallel'],
    ['a b<a c', 'meta'],
    ['a b c<a,b d<c', 'meta'],
    ['r a<r b<a c<r', 'meta'],
    ['a b c<a d<b', 'meta'],
    ['a b c<a,b d<a,b', 'meta'],
  ])('%s is %s', (text, pattern) => expect(patternOf(graph(text))).toBe(pattern));

  it('says what the definition says', () => {
    fc.assert(
      fc.property(anyDag, (nodes) => expect(patternOf(nodes)).toBe(patternByDefinition(nodes))),
      { numRuns: 500 },
    );
  });

  it('does not change with the order of the nodes, nor with the reduction', () => {
    fc.assert(
      fc.property(anyDag, (nodes) => {
        expect(patternOf([...nodes].reverse())).toBe(patternOf(nodes));
        expect(patternOf(transitiveReduction(nodes))).toBe(patternOf(nodes));
      }),
    );
  });
});

describe('patternOfOrdered', () => {
  const lists = fc.array(fc.uniqueArray(fc.nat({ max: 8 }), { maxLength: 4 }), { minLength: 1, maxLength: 9 });

  it('says what patternOf says of the same graph', () => {
    fc.assert(
      fc.property(lists, (any) => {
        const ordered = any.map((list, i) => list.filter((dependency) => dependency < i));
        const nodes = ordered.map((list, i) => ({ id: String(i), dependsOn: list.map(String) }));
        expect(patternOfOrdered(ordered)).toBe(patternOf(nodes));
      }),
      { numRuns: 500 },
    );
  });
});

describe('validateGraph', () => {
  it('names two steps of one id, an unknown dependency, an empty graph', () => {
    expect(failure(graph('a a'))).toMatchObject({ code: 'DUPLICATE_STEP', details: { step: 'a' } });
    expect(failure(graph('a b<c'))).toMatchObject({ code: 'UNKNOWN_DEPENDENCY', details: { step: 'b', dependency: 'c' } });
    expect(failure([])).toMatchObject({ code: 'NO_STEPS' });
  });

  it('names the cycle, and only the cycle', () => {
    expect(failure(graph('a<a'))).toMatchObject({ code: 'CYCLE', details: { cycle: ['a'] } });
    const error = failure(graph('start a<start,c b<a c<b after<c'));
    expect([...(error.details['cycle'] as string[])].sort()).toEqual(['a', 'b', 'c']);
    expect(error.message).toContain('→');
  });

  it('takes ids that are names of object members', () => {
    expect(topologicalOrder(graph('constructor<__proto__ __proto__'))).toEqual(['__proto__', 'constructor']);
  });

  it('finds the cycle in any graph that has one', () => {
    fc.assert(
      fc.property(anyDag, fc.nat(), (nodes, pick) => {
        const order = topologicalOrder(nodes);
        const last = order[order.length - 1] as string;
        const first = [...(ancestors(nodes).get(last) as Set<string>), last][
          pick % ((ancestors(nodes).get(last) as Set<string>).size + 1)
        ] as string;
        const closed = nodes.map((n) => (n.id === first ? { ...n, dependsOn: [...n.dependsOn, last] } : n));
        const cycle = failure(closed).details['cycle'] as string[];
        cycle.forEach((id, i) => expect(closed.find((n) => n.id === id)?.dependsOn).toContain(cycle[(i + 1) % cycle.length]));
      }),
    );
  });

  it('takes a hundred thousand nodes without recursion', () => {
    const chain = Array.from({ length: 100_000 }, (_, i) => ({ id: `n${i}`, dependsOn: i === 0 ? [] : [`n${i - 1}`] }));
    expect(patternOf(chain)).toBe('sequential');
    const ring = chain.map((n, i) => (i === 0 ? { ...n, dependsOn: ['n99999'] } : n));
    expect(failure(ring).message.length).toBeLessThan(300);
    const hub = chain.map((n, i) => ({ id: n.id, dependsOn: i === 0 ? [] : ['n0'] }));
    expect(patternOf(hub)).toBe('parallel');
  });
});

describe('transitiveReduction', () => {
  it('drops what others imply', () => {
    expect(transitiveReduction(graph('a b<a c<a,b d<a,b,c'))).toEqual(graph('a b<a c<b d<c'));
  });

  it('keeps who comes after whom, with no dependency implied by another', () => {
    fc.assert(
      fc.property(anyDag, (nodes) => {
        const reduced = transitiveReduction(nodes);
        const before = ancestors(reduced);
        expect(before).toEqual(ancestors(nodes));
        for (const node of reduced) {
          for (const d of node.dependsOn)
            expect(node.dependsOn.some((other) => other !== d && (before.get(other) as Set<string>).has(d))).toBe(false);
        }
      }),
    );
  });
});
