import { describe, expect, it } from '@jest/globals';
import type { Capabilities, JsonValue, Task, WorkContext } from '@mandate/sdk';
import { documentCheck } from './documents/capabilities.js';
import { syllables } from './documents/measures.js';
import { research } from './research/capabilities.js';
import { topicOf } from './text/words.js';

const context = { progress: () => undefined } as unknown as WorkContext;

const perform = async (capabilities: Capabilities, capability: string, given: Partial<Task> = {}): Promise<Record<string, JsonValue>> => {
  const task: Task = {
    delegationId: 'd',
    stepId: capability,
    attempt: 1,
    capability,
    goal: capability,
    input: null,
    results: {},
    deadline: '',
    ...given,
  };
  const output = await capabilities[capability]?.handler(task, context);
  return JSON.parse(JSON.stringify(output)) as Record<string, JsonValue>;
};
const titles = (output: Record<string, JsonValue>): unknown[] => (output['findings'] as { title: string }[]).map(({ title }) => title);

describe('the topic of a goal', () => {
  it.each([
    ['Search the archive for tides', 'tides'],
    ['Search the news, the archive and the web in parallel about tidal power, compare what you find, then write a report', 'tidal power'],
    ['Search for event sourcing and then summarise them', 'event sourcing'],
    ['storm barriers', 'storm barriers'],
    ['Search the archive', ''],
  ])('%s', (goal, topic) => expect(topicOf(goal)).toBe(topic));
});

describe('research', () => {
  const goal = 'Search the news, the archive and the web in parallel about tidal power, compare what you find, then write a report';

  it('searches each kind of article', async () => {
    expect(titles(await perform(research, 'search-archive', { goal: 'Search the archive for tides' }))).toContain(
      'Why the sea rises twice a day',
    );
    expect(titles(await perform(research, 'search-news', { goal }))[0]).toBe('Norrick Sound doubles its tidal power array');
    expect(titles(await perform(research, 'search-web', { goal }))).toContain('Tidal power in five minutes');
    expect(titles(await perform(research, 'search-web', { input: { query: 'durable queue' } }))).toEqual(
      expect.arrayContaining(['What a message queue is good for']),
    );
  });

  it('says when there is nothing, or no topic', async () => {
    expect(await perform(research, 'search-news', { input: 'zebras' })).toMatchObject({
      findings: [],
      note: expect.stringContaining('nothing about "zebras"'),
    });
    const newest = await perform(research, 'search-news', { goal: 'Search the news' });
    expect(titles(newest)[0]).toBe('Council puts off its decision on the Sallow Bay lagoon');
    expect(newest['note']).toContain('no topic');
  });

  it('goes from searches over a comparison to a report and an announcement', async () => {
    const [news, archive, web] = await Promise.all(['news', 'archive', 'web'].map((kind) => perform(research, `search-${kind}`, { goal })));
    const results = { s1: news, s2: archive, s3: web } as Record<string, JsonValue>;
    const comparison = await perform(research, 'compare', { goal, results });
    expect(comparison['sources']).toBeGreaterThan(3);
    expect(comparison['agreements']).not.toEqual([]);
    const { report } = await perform(research, 'write-report', { goal, results: { s4: comparison } });
    expect(report).toMatch(
      /^# Tidal power\n\n## In short\n\n[\s\S]*## What the sources say[\s\S]*## Where they agree[\s\S]*## Sources\n\n- /,
    );
    const { announcement } = await perform(research, 'write-announcement', { goal, results: { s4: comparison } });
    expect(announcement).toMatch(/^\*\*Tidal power\*\*\n\n.*Based on \d+ sources\.$/);
  });

  it('extracts facts, of which a summary can be made', async () => {
    const found = await perform(research, 'search-archive', { goal: 'Search the archive for tides' });
    const facts = await perform(research, 'extract-facts', { goal: 'extract the key facts', results: { s1: found } });
    expect((facts['facts'] as { fact: string }[]).every(({ fact }) => /\d/.test(fact))).toBe(true);
    const { summary, source } = await perform(documentCheck, 'summarise', { goal: 'write a summary', results: { s2: facts } });
    expect(String(summary).length).toBeGreaterThan(80);
    expect(source).toBe('what the steps before gave (s2)');
  });

  it('works from the goal alone', async () => {
    expect(String((await perform(research, 'write-report', { goal: 'Write a report about message queues' }))['report'])).toContain(
      'What a message queue is good for',
    );
    expect(await perform(research, 'compare', { goal: 'compare' })).toMatchObject({ source: expect.stringContaining('bundled sample') });
  });
});

describe('document check', () => {
  it('finds the mistakes of the sample, and says that it is the sample', async () => {
    const { mistakes, source } = await perform(documentCheck, 'check-spelling');
    expect((mistakes as { text: string; suggestion: string }[]).map(({ text, suggestion }) => [text, suggestion])).toEqual([
      ['recieved', 'received'],
      ['seperate', 'separate'],
      ['the the', 'the'],
    ]);
    expect(source).toContain('the bundled sample "Tide gauge report, Wend harbour"');
  });

  it('tells a from an by sound', async () => {
    const { mistakes } = await perform(documentCheck, 'check-spelling', {
      input: 'A hour with an unit, a apple, an honest user, a one-off and a useful umbrella.',
    });
    expect((mistakes as { text: string }[]).map(({ text }) => text)).toEqual(['A hour', 'an unit', 'a apple']);
  });

  it('counts', async () =>
    expect(await perform(documentCheck, 'count-words', { input: { text: 'One tide. Two tides!\n\nThe end.' } })).toMatchObject({
      words: 6,
      distinctWords: 6,
      sentences: 3,
      paragraphs: 2,
      source: 'the input of the request',
    }));

  it.each([
    ['English', 'The tide comes in and the water is high.'],
    ['German', 'Die Flut kommt und das Wasser ist hoch, aber nicht für lange.'],
    ['French', 'La marée monte et les bateaux sont dans le port avec des pêcheurs.'],
    ['Spanish', 'La marea sube y los barcos están en el puerto con sus redes.'],
    ['unknown', '12345'],
  ])('detects %s', async (language, input) =>
    expect((await perform(documentCheck, 'detect-language', { input }))['language']).toBe(language),
  );

  it('takes the text out of the goal', async () =>
    expect(
      await perform(documentCheck, 'summarise', {
        goal: 'Summarise: The tide turned at six in the morning and the boats left the harbour one after another.',
      }),
    ).toMatchObject({
      summary: 'The tide turned at six in the morning and the boats left the harbour one after another.',
      source: 'the text in the goal',
    }));

  it('summarises in fewer words', async () => {
    const { from, to } = await perform(documentCheck, 'summarise');
    expect(Number(to)).toBeLessThan(Number(from) / 2);
  });

  it('finds plain text easier to read than stiff text', async () => {
    const ease = async (input: string): Promise<number> => Number((await perform(documentCheck, 'readability', { input }))['readingEase']);
    expect(await ease('The cat sat. The dog ran. We saw it all.')).toBeGreaterThan(
      await ease('Organisational considerations necessitate comprehensive interdepartmental communication.'),
    );
    expect(['cat', 'table', 'harbour', 'electricity'].map(syllables)).toEqual([1, 2, 2, 5]);
  });
});
