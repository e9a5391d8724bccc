import { describe, expect, it } from '@jest/globals';
import type { AuditEventView } from '@mandate/contracts';
import type { JsonObject } from '@mandate/kernel';
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

describe('what says that something was looked at', () => {
  const look = (data: JsonObject, type = 'audit'): AuditEventView =>
    anEvent({ resource: { type, id: 'reads-1', version: 1 }, action: 'dev.mandate.audit.read.v1', data });
  const concerns = (found: AuditEventView, concerned: string): boolean =>
    hasTerms(
      found,
      termGroups({ concerned }, () => []),
    );

  it('is found by that, one or several', () => {
    expect(concerns(look({ resource: 'delegation/d1' }), 'delegation/d1')).toBe(true);
    expect(concerns(look({ resources: ['delegation/d1', 'delegation/d2'] }), 'delegation/d2')).toBe(true);
    expect(concerns(look({ resource: 'delegation/d1' }), 'delegation/d2')).toBe(false);
  });

  it('is only what the trail itself says', () =>
    expect(concerns(look({ resource: 'delegation/d1' }, 'delegation'), 'delegation/d1')).toBe(false));
});

describe('words', () => {
  it('leave out what would be a term of its own each time', () =>
    expect(wordsIn('step s1 of 01KB0000000000000000000001, 12345678 at 0af7651916cd43dd')).toEqual(['step', 's1', 'of', 'at']));

  it('leave out times', () => expect([...wordsIn('2026-11-29T17:12:28.896Z'), ...wordsIn('2026-11-29')]).toEqual(['2026', '11', '29']));
});
