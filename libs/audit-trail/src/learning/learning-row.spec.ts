import { describe, expect, it } from '@jest/globals';
import { K, LearningRows, OTHER, SharedNames, type Finished, type SeenEvent } from './learning-row.js';

const AT = 1_000_000;
const event = (stream: string, name: string, data: SeenEvent['data'] = {}, at = AT): SeenEvent => ({
  type: `dev.mandate.delegation.${name}.v1`,
  stream,
  at,
  data,
});
const steps = [
  { id: 'fetch', capability: 'search', dependsOn: [] },
  { id: 'check', capability: 'our-secret-check', dependsOn: [] },
  { id: 'tell', capability: 'write', dependsOn: ['fetch', 'check'] },
];
const delegation = (stream: string, principal: string): SeenEvent[] => [
  event(stream, 'requested', { principal, pattern: 'auto', goal: 'never stands here' }),
  event(stream, 'recognised', { pattern: 'parallel', confidence: 0.8731, model: 'm1' }),
  event(stream, 'planned', { by: 'rules', pattern: 'parallel', steps }),
  event(stream, 'stepretried', { stepId: 'fetch' }),
  event(stream, 'childadmitted', { childId: 'c' }),
  event(stream, 'completed', { steps: 3 }, AT + 1_500),
];
const rowsOf = (events: readonly SeenEvent[]): Finished[] => {
  const rows = new LearningRows();
  return events.map((one) => rows.see(one)).filter((row) => row !== null);
};

describe('a row', () => {
  it('is what was decided and how it ended, rounded, and nothing that names anybody', () => {
    const [finished] = rowsOf(delegation('d1', 'zoe'));
    expect(finished?.row).toEqual({
      asked: 'auto',
      recognised: 'parallel',
      confidence: 0.85,
      model: 'm1',
      fellBack: null,
      planned: {
        by: 'rules',
        pattern: 'parallel',
        capabilities: ['search', 'our-secret-check', 'write'],
        edges: [
          [0, 2],
          [1, 2],
        ],
      },
      outcome: 'completed',
      code: null,
      retries: 1,
      children: 1,
      durationMs: 2048,
    });
    expect(JSON.stringify(finished?.row)).not.toMatch(/zoe|d1|goal|1000000/);
  });

  it('comes with the end of its delegation, however they interleave', () => {
    const [a, b] = [delegation('a', 'ann'), delegation('b', 'bob')];
    const mixed = a.flatMap((one, i) => [one, b[i] as SeenEvent]);
    expect(rowsOf(mixed).map(({ principal }) => principal)).toEqual(['ann', 'bob']);
    expect(rowsOf(a.slice(0, -1))).toEqual([]);
    const failed = [a[0] as SeenEvent, event('a', 'fellback', { reason: 'LOW_CONFIDENCE' }), event('a', 'failed', { code: 'NO_WORKER' })];
    expect(rowsOf(failed)[0]?.row).toMatchObject({ outcome: 'failed', code: 'NO_WORKER', fellBack: 'LOW_CONFIDENCE', planned: null });
  });

  it('is none of what is refused, or is no delegation, or began before the log was read', () => {
    expect(
      rowsOf([event('a', 'rejected', {}), event('b', 'completed'), { type: 'dev.mandate.agent.lost.v1', stream: 'x', at: 1, data: {} }]),
    ).toEqual([]);
  });
});

describe('a name', () => {
  it.each([
    [K - 1, OTHER],
    [K, 'search'],
  ])('that %i requesters used is shown as %s', (count, shown) => {
    const finished = Array.from({ length: count }, (_, i) => rowsOf(delegation(`d${i}`, `p${i}`))).flat();
    const more = Array.from({ length: 50 }, (_, i) => rowsOf(delegation(`m${i}`, 'p0'))).flat();
    const names = new SharedNames();
    for (const one of [...finished, ...more]) names.see(one);
    expect(names.anonymous(finished[0] as Finished).planned?.capabilities[0]).toBe(shown);
  });
});
