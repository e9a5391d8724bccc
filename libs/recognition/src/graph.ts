/**
 * Graphs of steps: is it one, in which order, which pattern. Linear in nodes and edges unless said otherwise, and iterative, so that a
 * hostile graph costs what its bytes cost and never the stack.
 */
import type { Pattern } from '@mandate/contracts';
import { AppError } from '@mandate/kernel';

export interface GraphNode {
  id: string;
  dependsOn: readonly string[];
}

/** Edges by position: `dependencies[i]` holds the distinct positions that node i waits for. */
interface Indexed {
  dependencies: number[][];
  dependents: number[][];
}

/** A cycle can be as long as the graph; a message cannot. */
const NAMED_IN_MESSAGE = 12;

const badGraph = (code: string, message: string, details: Record<string, unknown>): AppError =>
  new AppError(code, 'invalid', message, details);

const positionsOf = (nodes: readonly GraphNode[]): Map<string, number> => {
  const positions = new Map<string, number>();
  nodes.forEach((node, position) => {
    if (positions.has(node.id))
      throw badGraph('DUPLICATE_STEP', `two steps are called "${node.id}": give each its own id`, { step: node.id });
    positions.set(node.id, position);
  });
  return positions;
};

const index = (nodes: readonly GraphNode[]): Indexed => {
  const positions = positionsOf(nodes);
  const dependents: number[][] = nodes.map(() => []);
  const dependencies = nodes.map((node, position) => {
    const found = new Set<number>();
    for (const id of node.dependsOn) {
      const dependency = positions.get(id);
      if (dependency === undefined)
        throw badGraph('UNKNOWN_DEPENDENCY', `step "${node.id}" depends on "${id}", which is not a step`, {
          step: node.id,
          dependency: id,
        });
      if (dependency === position) throw badGraph('CYCLE', `step "${node.id}" depends on itself`, { cycle: [node.id] });
      if (!found.has(dependency)) (dependents[dependency] as number[]).push(position);
      found.add(dependency);
    }
    return [...found];
  });
  return { dependencies, dependents };
};

/** Kahn's algorithm (1962); among the ready ones the first given goes first. Shorter than the graph when there is a cycle. */
const kahn = ({ dependencies, dependents }: Indexed): number[] => {
  const missing = dependencies.map((list) => list.length);
  const order = missing.flatMap((count, position) => (count === 0 ? [position] : []));
  for (let next = 0; next < order.length; next++) {
    for (const dependent of dependents[order[next] as number] as number[]) {
      missing[dependent] = (missing[dependent] as number) - 1;
      if (missing[dependent] === 0) order.push(dependent);
    }
  }
  return order;
};

/** Every node that Kahn left over waits for another one left over: following them runs into a cycle. */
const cycleAmong = (indexed: Indexed, ordered: readonly number[]): number[] => {
  const done = new Set(ordered);
  let at = indexed.dependencies.findIndex((_, position) => !done.has(position));
  const seenAt = new Map<number, number>();
  const walk: number[] = [];
  while (!seenAt.has(at)) {
    seenAt.set(at, walk.length);
    walk.push(at);
    at = (indexed.dependencies[at] as number[]).find((dependency) => !done.has(dependency)) as number;
  }
  return walk.slice(seenAt.get(at));
};

const sorted = (nodes: readonly GraphNode[]): { indexed: Indexed; order: number[] } => {
  if (nodes.length === 0) throw badGraph('NO_STEPS', 'a graph needs at least one step', {});
  const indexed = index(nodes);
  const order = kahn(indexed);
  if (order.length === nodes.length) return { indexed, order };
  const cycle = cycleAmong(indexed, order).map((position) => (nodes[position] as GraphNode).id);
  const named = cycle.length > NAMED_IN_MESSAGE ? [...cycle.slice(0, NAMED_IN_MESSAGE), '…'] : [...cycle, cycle[0]];
  throw badGraph('CYCLE', `these steps wait for each other: ${named.join(' → ')}`, { cycle: cycle.slice(0, 256) });
};

/** Throws `NO_STEPS`, `DUPLICATE_STEP`, `UNKNOWN_DEPENDENCY` or `CYCLE` (which names the steps of one cycle); a repeated dependency counts once. */
export const validateGraph = (nodes: readonly GraphNode[]): void => {
  sorted(nodes);
};

/** Ids such that each comes after everything it depends on; throws as `validateGraph` does. */
export const topologicalOrder = (nodes: readonly GraphNode[]): string[] =>
  sorted(nodes).order.map((position) => (nodes[position] as GraphNode).id);

/**
 * The same nodes without the dependencies that others imply (Aho, Garey, Ullman 1972). Up to O(V·E): for plans, not for floods.
 */
export const transitiveReduction = (nodes: readonly GraphNode[]): { id: string; dependsOn: string[] }[] => {
  const { indexed, order } = sorted(nodes);
  const rank = new Int32Array(nodes.length);
  order.forEach((position, place) => (rank[position] = place));
  const reachedFrom = new Int32Array(nodes.length).fill(-1);
  return nodes.map((node, position) => {
    const nearestFirst = [...(indexed.dependencies[position] as number[])].sort((a, b) => (rank[b] as number) - (rank[a] as number));
    const kept = new Set<number>();
    for (const dependency of nearestFirst) {
      if (reachedFrom[dependency] === position) continue;
      kept.add(dependency);
      markAncestors(indexed, dependency, position, reachedFrom);
    }
    return {
      id: node.id,
      dependsOn: (indexed.dependencies[position] as number[]).flatMap((d) => (kept.has(d) ? [(nodes[d] as GraphNode).id] : [])),
    };
  });
};

const markAncestors = (indexed: Indexed, start: number, mark: number, reachedFrom: Int32Array): void => {
  const pending = [start];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const dependency of indexed.dependencies[at] as number[]) {
      if (reachedFrom[dependency] === mark) continue;
      reachedFrom[dependency] = mark;
      pending.push(dependency);
    }
  }
};

/**
 * The pattern that a graph is: one node = direct; a path, also after transitive reduction = sequential; independent nodes, with at most one
 * common root and one common sink = parallel; anything else = meta. Throws as `validateGraph` does.
 */
export const patternOf = (nodes: readonly GraphNode[]): Pattern => {
  const { indexed, order } = sorted(nodes);
  if (nodes.length === 1) return 'direct';
  if (isChain(indexed, order)) return 'sequential';
  return isFan(indexed) ? 'parallel' : 'meta';
};

/** As `patternOf`, of one step and more by position that each wait for earlier ones only, each named once: their order need not be found. */
export const patternOfOrdered = (dependencies: number[][]): Pattern => {
  if (dependencies.length === 1) return 'direct';
  if (dependencies.every((list, position) => position === 0 || list.includes(position - 1))) return 'sequential';
  const dependents: number[][] = dependencies.map(() => []);
  dependencies.forEach((list, position) => list.forEach((dependency) => dependents[dependency]?.push(position)));
  return isFan({ dependencies, dependents }) ? 'parallel' : 'meta';
};

/** A DAG's reduction is a path exactly when it has a Hamiltonian path, and then each node depends on the one before it in the only topological order. */
const isChain = ({ dependencies }: Indexed, order: readonly number[]): boolean =>
  order.every((position, place) => place === 0 || (dependencies[position] as number[]).includes(order[place - 1] as number));

/**
 * Without the only source and the only sink no edge may be left. That suffices: whatever is left then waits for nothing but the root and is
 * awaited by nothing but the sink, and an edge from root to sink is implied by any of them.
 */
const isFan = ({ dependencies, dependents }: Indexed): boolean => {
  const only = (lists: readonly number[][]): number => {
    const first = lists.findIndex((list) => list.length === 0);
    return lists.findIndex((list, position) => position > first && list.length === 0) === -1 ? first : -1;
  };
  const root = only(dependencies);
  const sink = only(dependents);
  return dependencies.every((list, position) => position === sink || list.every((dependency) => dependency === root));
};
