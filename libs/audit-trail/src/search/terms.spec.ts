import { describe, expect, it } from '@jest/globals';
import type { AuditEventView } from '@mandate/contracts';
import { anEvent } from '../../spec/an-event.js';
import { hasTerms, termGroups, wordsIn, type SearchFilter } from './terms.js';

const event: AuditEventView = anEvent({
  action: 'dev.mandate.delegation.stepfailed.v1',
  actor: { kind: 'worker', id: 'research-1', onBehalfOf: ['ann'] },
  outcome: 'failure',
  reason: 'START_TO_CLOSE_TIMEOUT',
  traceId: '0af7651916cd43dd8448eb211c80319c',
  data: { stepId: 's1', error: { code: 'NO_WORKER', message: { $ref: '/api/delegations/x/events/y#error' } }, tags: ['Über-Archiv'] },
});
const finds = (filter: SearchFilter): boolean =>
  hasTerms(
    event,
    termGroups(filter, (action) => [action]),
  );

describe('a search', () => {
  it.each<SearchFilter>([
    {},
    { actor: 'research-1', outcome: 'failure' },
    { onBehalfOf: 'ann' },
    { action: 'dev.mandate.delegation.stepfailed.v1', resourceType: 'delegation' },
    { trace: '0af7651916cd43dd8448eb211c80319c' },
    { q: 'no_worker S1' },
    { q: 'über archiv timeout' },
  ])('finds the event by %j', (filter) => expect(finds(filter)).toBe(true));

  it.each<SearchFilter>([
    { actor: 'ann' },
    { onBehalfOf: 'research-1' },
    { outcome: 'success' },
    { q: 'worker missing' },
    { q: 'delegations' },
  ])('does not find it by %j', (filter) => expect(finds(filter)).toBe(false));

  it('takes any of the types that an action stands for', () => {
    const groups = termGroups({ action: 'dev.' }, () => ['dev.other.v1', event.action]);
    expect(hasTerms(event, groups)).toBe(true);
    expect(
      hasTerms(
        event,
        termGroups({ action: 'dev.' }, () => []),
      ),
    ).toBe(false);
  });
});

describe('words', () => {
  it('leave out what would be a term of its own each time', () =>
    expect(wordsIn('step s1 of 01KB0000000000000000000001, 12345678 at 0af7651916cd43dd')).toEqual(['step', 's1', 'of', 'at']));

  it('leave out times', () => expect([...wordsIn('2026-11-29T17:12:28.896Z'), ...wordsIn('2026-11-29')]).toEqual(['2026', '11', '29']));
});
