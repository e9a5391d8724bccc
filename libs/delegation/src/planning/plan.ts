/** A plan by rules: the request's text split into steps, each given to the capability that describes it best. */
import type { Pattern } from '@mandate/contracts';
import { connect, patternOf, read, sketchOf, type Part, type Reading } from '@mandate/recognition';
import { bestCapability, matcher, type AgentCapability, type Match } from './matching.js';
import type { Synonyms } from './synonyms.js';

export { bestCapability, type AgentCapability } from './matching.js';

export interface PlanRequest {
  goal: string;
  pattern: Pattern;
  tools?: readonly string[];
  givenSteps?: readonly string[];
  agents: readonly AgentCapability[];
  /** What earlier uses taught about words and capabilities. */
  synonyms?: Synonyms;
}

export interface PlannedStep {
  /** `s1`, `s2`, … in the order of the text. */
  id: string;
  capability: string;
  goal: string;
  dependsOn: string[];
}

export interface RulePlan {
  steps: PlannedStep[];
  /** Why these steps, edges and capabilities. They quote the goal: personal. */
  reasons: string[];
}

export type PlanOutcome = RulePlan | { unplannable: string };

/** A tool that the requester named counts for the capability of the same name. */
const NAMED_TOOL = 1.5;
/** Lead words that a step's own goal does not need. */
const CONNECTIVES = new Set([
  'and',
  'then',
  'finally',
  'lastly',
  'next',
  'also',
  'additionally',
  'afterwards',
  'subsequently',
  'please',
  'but',
]);
/** What stands before the first ask is kept for the first steps, within reason. */
const CONTEXT_CHARACTERS = 1_000;

const isTrimmed = (char: string): boolean => /[\s,;.:]/u.test(char);

/** "and then write a report." → "write a report". */
export const stepGoal = (text: string): string => {
  let from = 0;
  let to = text.length;
  while (to > from && isTrimmed(text[to - 1] as string)) to--;
  for (;;) {
    while (from < to && isTrimmed(text[from] as string)) from++;
    const end = wordEnd(text, from, to);
    if (end === from || !CONNECTIVES.has(text.slice(from, end).toLowerCase())) return text.slice(from, to);
    from = end;
  }
};

const wordEnd = (text: string, from: number, to: number): number => {
  let end = from;
  while (end < to && end < from + 16 && /\p{L}/u.test(text[end] as string)) end++;
  return end;
};

/** Edges, by position, for the pattern that was decided; a chain where the words do not say. */
const edgesFor = (pattern: Pattern, parts: readonly Part[], unsaid: 'chain' | 'independent'): number[][] => {
  const chain = parts.map((_, i) => (i === 0 ? [] : [i - 1]));
  if (pattern === 'sequential') return chain;
  const said = connect(parts, unsaid).map(({ dependsOn }) => dependsOn);
  if (pattern === 'meta') return said;
  const found = patternOf(said.map((on, i) => ({ id: String(i), dependsOn: on.map(String) })));
  return found === 'parallel' ? said : parts.map((part, i) => (part.link === 'join' && i === parts.length - 1 ? [...Array(i).keys()] : []));
};

/** What the request tells before it asks: "I have a report in report.txt." */
const contextOf = ({ asks, tokens, input, form }: Reading): string => {
  const first = form === 'asked' ? asks[0] : undefined;
  return first
    ? input.text
        .slice(0, tokens[first.from]?.start ?? 0)
        .trim()
        .slice(0, CONTEXT_CHARACTERS)
    : '';
};

const choose = (text: string, rank: (goal: string) => Match[], tools: ReadonlySet<string>): Match | undefined =>
  rank(text)
    .map((match) => (tools.has(match.capability) ? { ...match, score: match.score * NAMED_TOOL } : match))
    .sort((a, b) => b.score - a.score)[0];

const whole = (goal: string, capability: string, reason: string): RulePlan => ({
  steps: [{ id: 's1', capability, goal, dependsOn: [] }],
  reasons: [reason, `"${capability}" describes it best`],
});

const nobodyFor = (goals: readonly string[], of: number): string =>
  `no registered capability describes ${goals.length === of ? `any of the ${of} steps` : `${goals.length} of the ${of} steps`}: ` +
  goals
    .slice(0, 5)
    .map((goal) => `"${goal.slice(0, 60)}"`)
    .join(', ');

/**
 * Plans the goal in the given pattern. Unplannable when nothing but planners is registered, or when a step shares no word with any
 * capability: that is said before anything runs. The same request, agents and synonyms give the same plan.
 */
export const plan = (request: PlanRequest): PlanOutcome => {
  const { goal, pattern, agents, tools = [], givenSteps, synonyms } = request;
  const fallback = bestCapability(goal, agents);
  if (fallback === null) return { unplannable: 'no registered worker does anything but plan' };
  if (pattern === 'direct') return whole(goal, fallback, 'a direct delegation is one step');
  const reading = read({ text: goal, tools, ...(givenSteps ? { givenSteps } : {}) });
  const { parts, unsaid, reasons } = sketchOf(reading);
  if (parts.length < 2) return whole(goal, fallback, 'the words name no second step');

  const rank = matcher(agents, synonyms);
  const named = new Set(tools);
  const matches = parts.map(({ text }) => choose(text, rank, named));
  const unmatched = parts.flatMap(({ text }, i) => ((matches[i]?.score ?? 0) > 0 ? [] : [stepGoal(text)]));
  if (unmatched.length > 0) return { unplannable: nobodyFor(unmatched, parts.length) };

  const context = contextOf(reading);
  const edges = edgesFor(pattern, parts, unsaid);
  const steps = parts.map(({ text }, i): PlannedStep => {
    const dependsOn = (edges[i] as number[]).map((position) => `s${position + 1}`);
    const own = stepGoal(text) || goal;
    return {
      id: `s${i + 1}`,
      capability: (matches[i] as Match).capability,
      goal: dependsOn.length === 0 && context ? `${context} ${own}` : own,
      dependsOn,
    };
  });
  const chosen = steps.map(
    ({ id, capability }, i) => `${id} goes to "${capability}"${matches[i]?.learnt ? ', by words that were used for it before' : ''}`,
  );
  return { steps, reasons: [...reasons, ...chosen] };
};
