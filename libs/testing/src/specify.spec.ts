import { describe, expect, it } from '@jest/globals';
import { AppError, type Decider } from '@mandate/kernel';
import { specify } from './specify.js';

type Door = { open: boolean; slams: number };
type Command = 'open' | 'slam';
type Event = { type: 'Opened' } | { type: 'Slammed'; hard: boolean };

const door: Decider<Command, Door, Event> = {
  initial: { open: false, slams: 0 },
  decide: (command, { open }) => {
    if (command === 'open') return open ? [] : [{ type: 'Opened' }];
    if (!open) throw new AppError('DOOR_CLOSED', 'conflict', 'the door is closed: open it first');
    return [{ type: 'Slammed', hard: true }];
  },
  evolve: (state, { type }) => (type === 'Opened' ? { ...state, open: true } : { open: false, slams: state.slams + 1 }),
};

const given = specify(door);
const opened: Event = { type: 'Opened' };

describe('specify', () => {
  it('folds what was, decides, and compares', () => {
    given().when('open').then(opened);
    given(opened).when('open').then();
    given(opened).when('slam').then({ type: 'Slammed', hard: true });
    given(opened).when('slam').thenMatches({ type: 'Slammed' });
    given(opened).when('slam').thenState({ slams: 1 });
    given().when('slam').thenFails('DOOR_CLOSED');
  });

  it('fails when the decision is another one', () => {
    expect(() => given().when('open').then()).toThrow();
    expect(() => given(opened).when('slam').then({ type: 'Slammed', hard: false })).toThrow();
    expect(() => given(opened).when('slam').thenMatches()).toThrow('expected 0 events');
    expect(() => given(opened).when('slam').thenState({ open: true })).toThrow();
  });

  it('fails when the decision is refused for another reason, or not at all', () => {
    expect(() => given().when('slam').thenFails('DOOR_LOCKED')).toThrow();
    expect(() => given().when('open').thenFails('DOOR_CLOSED')).toThrow();
  });
});
