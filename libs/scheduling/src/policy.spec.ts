import { describe, expect, it } from '@jest/globals';
import { specify } from '@mandate/testing';
import { dimension, OPEN_POLICY, policyDecider, type PolicyCommand, type PolicyEvent } from './policy.js';

const given = specify(policyDecider);
const tag = { by: 'olga', reason: 'load' };
const said = { ...tag, now: 7 };

const limit = (max: number): PolicyCommand => ({ ...said, type: 'set-limit', kind: 'capability', name: 'search', max });
const limited = (max: number): PolicyEvent => ({ type: 'limitset', at: 7, data: { kind: 'capability', name: 'search', max, ...tag } });
const pause: PolicyCommand = { ...said, type: 'pause', kind: 'tenant', name: '' };

describe('a policy', () => {
  it('says who changed what, and why', () => given().when(limit(3)).then(limited(3)));

  it.each<[string, PolicyEvent[], PolicyCommand]>([
    ['the same limit', [limited(3)], limit(3)],
    ['removing what is not there', [], { ...said, type: 'remove-limit', kind: 'tenant', name: '' }],
    ['removing a rate that is not there', [], { ...said, type: 'remove-rate', kind: 'key', name: 'k' }],
    ['resuming what runs', [], { ...said, type: 'resume', kind: 'capability', name: 'search' }],
    ['the weight that it has', [], { ...said, type: 'set-weight', weight: 1 }],
    ['activating an active worker', [], { ...said, type: 'mode-worker', instance: 'w', mode: 'active' }],
  ])('is not changed by %s', (_what, history, command) =>
    given(...history)
      .when(command)
      .then(),
  );

  it('comes back to where it was when everything is undone', () => {
    const changes: [PolicyCommand, PolicyCommand][] = [
      [limit(1), { ...said, type: 'remove-limit', kind: 'capability', name: 'search' }],
      [
        { ...said, type: 'set-rate', kind: 'key', name: 'k', burst: 2, perSecond: 0.5 },
        { ...said, type: 'remove-rate', kind: 'key', name: 'k' },
      ],
      [
        { ...said, type: 'set-weight', weight: 3 },
        { ...said, type: 'set-weight', weight: 1 },
      ],
      [pause, { ...said, type: 'resume', kind: 'tenant', name: '' }],
      [
        { ...said, type: 'mode-worker', instance: 'w', mode: 'quarantined' },
        { ...said, type: 'mode-worker', instance: 'w', mode: 'active' },
      ],
    ];
    for (const [change, undo] of changes) {
      const events = given().when(change).events();
      expect(events).toHaveLength(1);
      given(...events)
        .when(undo)
        .thenState(OPEN_POLICY);
    }
  });

  it('keeps the reason of a pause for those who wait', () =>
    given()
      .when(pause)
      .thenState({ paused: { [dimension('tenant', '')]: 'load' } }));

  it('has an end', () => {
    const many = Array.from({ length: 1_000 }, (_, n): PolicyEvent => ({
      type: 'limitset',
      at: 0,
      data: { kind: 'key', name: `k${n}`, max: 1, ...tag },
    }));
    given(...many)
      .when(limit(1))
      .thenFails('TOO_MANY_LIMITS');
    given(...many)
      .when({ ...said, type: 'set-limit', kind: 'key', name: 'k7', max: 9 })
      .thenMatches({ type: 'limitset' });
  });
});
