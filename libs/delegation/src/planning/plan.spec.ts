import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { patternOf, validateGraph } from '@mandate/recognition';
import { matcher, type AgentCapability } from './matching.js';
import { bestCapability, plan, stepGoal, type RulePlan } from './plan.js';
import { stem, terms } from './stemming.js';

const AGENTS: AgentCapability[] = [
  { capability: 'search', description: 'Finds documents in an archive, in the news or on the web' },
  { capability: 'extract', description: 'Extracts key facts from documents' },
  { capability: 'summarise', description: 'Writes a summary of texts or reports' },
  { capability: 'write', description: 'Writes a report, a recommendation or an announcement' },
  { capability: 'compare', description: 'Compares findings and merges results' },
  { capability: 'check', description: 'Checks spelling, counts words, detects the language', tags: ['quality'] },
  { capability: 'plan', description: 'Plans anything: search, summary, recommendation, report' },
];

const planned = (
  goal: string,
  pattern: Parameters<typeof plan>[0]['pattern'],
  more: Partial<Parameters<typeof plan>[0]> = {},
): RulePlan => {
  const outcome = plan({ goal, pattern, agents: AGENTS, ...more });
  if ('unplannable' in outcome) throw new Error(outcome.unplannable);
  return outcome;
};

const drawn = ({ steps }: RulePlan): string[] =>
  steps.map(({ id, capability, dependsOn, goal }) => `${id} ${capability} <${dependsOn.join()}> ${goal}`);

describe('plan', () => {
  it('makes a chain of a sequence', () => {
    expect(drawn(planned('Summarise these three reports and then write a recommendation', 'sequential'))).toEqual([
      's1 summarise <> Summarise these three reports',
      's2 write <s1> write a recommendation',
    ]);
  });

  it('makes independent steps of a parallel request', () => {
    const { steps } = planned('Check the spelling, count the words and detect the language of this document', 'parallel');
    expect(steps.map(({ capability, dependsOn }) => [capability, dependsOn])).toEqual([
      ['check', []],
      ['check', []],
      ['check', []],
    ]);
  });

  it('lets what is brought together at the end wait for the rest', () => {
    const both = planned('Search the news and the archive in parallel and compare the findings', 'parallel');
    expect(patternOf(both.steps)).toBe('parallel');
    expect(both.steps[2]).toMatchObject({ capability: 'compare', dependsOn: ['s1', 's2'] });
  });

  it('makes branches and joins of a meta request', () => {
    const text =
      'Search the news, the archive and the web in parallel about wind power, compare what you find, then write a report and separately draft a short announcement';
    const result = planned(text, 'meta');
    expect(drawn(result)).toEqual([
      's1 search <> Search the news about wind power',
      's2 search <> search the archive about wind power',
      's3 search <> search the web about wind power',
      's4 compare <s1,s2,s3> compare what you find',
      's5 write <s4> write a report',
      's6 write <s4> separately draft a short announcement',
    ]);
    expect(patternOf(result.steps)).toBe('meta');
  });

  it('keeps for the first steps what was told before the ask', () => {
    const { steps } = planned('The contract lies in deal.txt. Extract the facts and then write a report.', 'sequential');
    expect(steps[0]?.goal).toBe('The contract lies in deal.txt. Extract the facts');
    expect(steps[1]?.goal).toBe('write a report');
  });

  it('takes given steps as they are, as a chain when unsure', () => {
    const given = planned('How to: 1. search the web 2. write a report', 'meta', { givenSteps: ['search the web', 'write a report'] });
    expect(drawn(given)).toEqual(['s1 search <> search the web', 's2 write <s1> write a report']);
  });

  it('makes one step of a direct request, or where no second one can be made out', () => {
    expect(drawn(planned('Summarise this, then translate it', 'direct'))).toEqual(['s1 summarise <> Summarise this, then translate it']);
    expect(planned('Summarise this report', 'sequential').steps).toHaveLength(1);
  });

  it('plans nothing, and says why, when nobody can do a step', () => {
    const said = (goal: string): unknown => plan({ goal, pattern: 'sequential', agents: AGENTS });
    expect(said('Search the web and then juggle five balls')).toEqual({
      unplannable: 'no registered capability describes 1 of the 2 steps: "juggle five balls"',
    });
    expect(said('Juggle five balls and then ride a unicycle')).toEqual({
      unplannable: 'no registered capability describes any of the 2 steps: "Juggle five balls", "ride a unicycle"',
    });
    expect(plan({ goal: 'Summarise this', pattern: 'direct', agents: [AGENTS[6] as AgentCapability] })).toHaveProperty('unplannable');
  });

  it('heeds a tool that is a capability', () => {
    const twins: AgentCapability[] = [
      { capability: 'ocr-a', description: 'Reads text from images' },
      { capability: 'ocr-b', description: 'Reads text from images' },
    ];
    const request = { goal: 'Read the text from the image and then read the text again', pattern: 'sequential', agents: twins } as const;
    expect(plan(request)).toMatchObject({ steps: [{ capability: 'ocr-a' }, {}] });
    expect(plan({ ...request, tools: ['ocr-b'] })).toMatchObject({ steps: [{ capability: 'ocr-b' }, {}] });
  });

  it('gives a valid graph of registered capabilities for any text and pattern, in any order of agents', () => {
    const words = fc.array(
      fc.constantFrom(
        'search',
        'the',
        'web',
        'and',
        'then',
        ',',
        '.',
        'write',
        'a report',
        'in parallel',
        'compare',
        'it',
        'separately',
        'finally',
        '1.',
        '2.',
        'summarise',
        'juggle',
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          words.map((list) => list.join(' ')),
        ),
        fc.constantFrom('direct', 'sequential', 'parallel', 'meta'),
        fc.shuffledSubarray(AGENTS, { minLength: AGENTS.length }),
        (goal, pattern, agents) => {
          const outcome = plan({ goal, pattern, agents });
          expect(outcome).toEqual(plan({ goal, pattern, agents: AGENTS }));
          if ('unplannable' in outcome) return;
          validateGraph(outcome.steps);
          const found = patternOf(outcome.steps);
          expect(outcome.steps.length === 1 ? 'direct' : found).toBe(found);
          if (outcome.steps.length > 1 && pattern !== 'meta') expect([pattern, 'sequential']).toContain(found);
          for (const [i, step] of outcome.steps.entries()) {
            expect(step.id).toBe(`s${i + 1}`);
            expect(step.capability).not.toBe('plan');
            expect(AGENTS.map(({ capability }) => capability)).toContain(step.capability);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('bestCapability', () => {
  it('goes by the description, then by name, and never to a planner', () => {
    expect(bestCapability('please check the quality', AGENTS)).toBe('check');
    expect(bestCapability('juggle', AGENTS)).toBe('check');
    expect(bestCapability('plan a search', AGENTS)).toBe('search');
    expect(bestCapability('anything', [])).toBeNull();
  });

  it('counts a rare word for more than a common one', () => {
    const scores = matcher([
      { capability: 'a', description: 'reports reports on sales' },
      { capability: 'b', description: 'reports on stock' },
      { capability: 'c', description: 'reports on tax' },
    ])('reports on tax');
    expect(scores[0]?.capability).toBe('c');
  });
});

describe('words', () => {
  it.each([
    ['summarise', 'summary'],
    ['summarize', 'summarization'],
    ['translates', 'translation'],
    ['planning', 'plan'],
    ['extracting', 'extracts'],
    ['recommendation', 'recommendations'],
    ['queries', 'query'],
  ])('%s meets %s', (a, b) => expect(stem(a)).toBe(stem(b)));

  it('takes names apart', () => expect(terms('findFile_by-name')).toEqual([stem('find'), stem('file'), stem('name')]));

  it('strips what ties a clause to the one before', () => {
    expect(stepGoal(', and then write a report. ')).toBe('write a report');
    expect(stepGoal('and')).toBe('');
  });
});
