/**
 * Graphs that are used again and again and serve become templates: proposed, with what speaks for them. Two graphs are the same when their
 * capabilities and edges are, whatever the steps are called (Weisfeiler-Lehman colours, which tell all but contrived graphs apart).
 */
import type { Pattern } from '@mandate/contracts';
import { patternOf } from '@mandate/recognition';

export interface UsedGraph {
  delegationId: string;
  principal: string;
  steps: readonly { id: string; capability: string; dependsOn: readonly string[] }[];
  succeeded: boolean;
  /** RFC 3339. */
  endedAt: string;
}

export interface Template {
  /** From its first capability to its last: `search-archive-to-write-report`. */
  name: string;
  pattern: Pattern;
  steps: { id: string; capability: string; dependsOn: string[] }[];
  evidence: {
    succeeded: number;
    failed: number;
    /** How many different principals used it. */
    requesters: number;
    lastUsedAt: string;
    /** The latest delegations, newest first. */
    delegations: string[];
  };
  /** Of its success the next time: the lower end of Wilson's interval (1927), 95 %. */
  confidence: number;
}

/** A graph that served so often is worth a name. */
export const ENOUGH_USES = 3;
const LARGEST = 64;
const SHOWN = 5;

interface Drawn {
  signature: string;
  /** In an order in which each stands behind what it depends on. */
  steps: Template['steps'];
}

/** Proposes what at least `enough` delegations used with success, the surest first. */
export const mineTemplates = (graphs: readonly UsedGraph[], enough = ENOUGH_USES): Template[] => {
  const bySignature = new Map<string, { drawn: Drawn; uses: UsedGraph[] }>();
  for (const graph of graphs) {
    if (graph.steps.length < 2 || graph.steps.length > LARGEST) continue;
    const drawn = drawnOf(graph.steps);
    const known = bySignature.get(drawn.signature) ?? { drawn, uses: [] };
    bySignature.set(drawn.signature, known);
    known.uses.push(graph);
  }
  const templates = [...bySignature.values()]
    .filter(({ uses }) => uses.filter(({ succeeded }) => succeeded).length >= enough)
    .map(({ drawn, uses }) => templateOf(drawn, uses));
  return named(templates.sort((a, b) => b.confidence - a.confidence || (a.name < b.name ? -1 : 1)));
};

const templateOf = ({ steps }: Drawn, uses: readonly UsedGraph[]): Template => {
  const newest = [...uses].sort((a, b) => (a.endedAt < b.endedAt ? 1 : -1));
  const succeeded = uses.filter((use) => use.succeeded).length;
  return {
    name: `${steps[0]?.capability ?? ''}-to-${steps.at(-1)?.capability ?? ''}`,
    pattern: patternOf(steps),
    steps,
    evidence: {
      succeeded,
      failed: uses.length - succeeded,
      requesters: new Set(uses.map(({ principal }) => principal)).size,
      lastUsedAt: newest[0]?.endedAt ?? '',
      delegations: newest.slice(0, SHOWN).map(({ delegationId }) => delegationId),
    },
    confidence: wilson(succeeded, uses.length),
  };
};

/** Different graphs between the same ends are told apart by a number. */
const named = (templates: readonly Template[]): Template[] => {
  const seen = new Map<string, number>();
  return templates.map((template) => {
    const times = (seen.get(template.name) ?? 0) + 1;
    seen.set(template.name, times);
    return times === 1 ? template : { ...template, name: `${template.name}-${times}` };
  });
};

const wilson = (succeeded: number, of: number, z = 1.96): number => {
  const share = succeeded / of;
  const spread = z * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of));
  return Math.max(0, (share + (z * z) / (2 * of) - spread) / (1 + (z * z) / of));
};

/** The steps in an order that their names have no part in, named anew, and what tells them from other graphs. */
const drawnOf = (given: UsedGraph['steps']): Drawn => {
  const place = new Map(given.map(({ id }, i) => [id, i]));
  const before = given.map(({ dependsOn }) => dependsOn.map((id) => place.get(id) as number));
  const behind = given.map((_, i) => before.flatMap((of, j) => (of.includes(i) ? [j] : [])));
  const depth = depthsOf(before);
  let colours = given.map(({ capability }) => capability);
  for (let round = 0; round < given.length; round++) {
    const sorted = (places: readonly number[]): string =>
      places
        .map((at) => colours[at] as string)
        .sort()
        .join(',');
    const refined = given.map((_, i) => `${colours[i] as string}<${sorted(before[i] as number[])}>${sorted(behind[i] as number[])}`);
    const ranks = [...new Set(refined)].sort();
    colours = refined.map((colour) => String(ranks.indexOf(colour)).padStart(2, '0'));
  }
  const order = [...given.keys()].sort(
    (a, b) =>
      (depth[a] as number) - (depth[b] as number) ||
      ((colours[a] as string) < (colours[b] as string) ? -1 : colours[a] === colours[b] ? a - b : 1),
  );
  const step = (i: number): string => `s${order.indexOf(i) + 1}`;
  const steps = order.map((i) => ({
    id: step(i),
    capability: given[i]?.capability ?? '',
    dependsOn: order.filter((j) => before[i]?.includes(j)).map(step),
  }));
  const signature = given
    .map(
      ({ capability }, i) =>
        `${capability} ${colours[i] as string} ${(before[i] as number[])
          .map((at) => colours[at] as string)
          .sort()
          .join(',')}`,
    )
    .sort()
    .join('\n');
  return { signature, steps };
};

/** The longest way from a step that depends on nothing. The graph has no cycle: it was run. */
const depthsOf = (before: readonly (readonly number[])[]): number[] => {
  const depths = new Map<number, number>();
  const depthOf = (at: number): number => {
    const known = depths.get(at);
    if (known !== undefined) return known;
    const depth = (before[at] ?? []).reduce((deepest, on) => Math.max(deepest, 1 + depthOf(on)), 0);
    depths.set(at, depth);
    return depth;
  };
  return before.map((_, at) => depthOf(at));
};
