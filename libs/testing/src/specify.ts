/** Given/when/then for deciders: no container, no mock (Emmett's DeciderSpecification). */
import assert from 'node:assert/strict';
import type { Decider } from '@mandate/kernel';

export interface Decided<State, Event> {
  /** The decision is exactly these events; none = it changes nothing. */
  then(...expected: Event[]): void;
  /** The decision is as many events, each with at least these fields. */
  thenMatches(...expected: object[]): void;
  /** The decision is refused with an AppError of this code. */
  thenFails(code: string): void;
  /** The state after the decision has at least these fields. */
  thenState(expected: Partial<State>): void;
  /** What was decided, for assertions of another kind. */
  events(): Event[];
}

export interface Given<Command, State, Event> {
  when(command: Command): Decided<State, Event>;
}

export const specify =
  <Command, State, Event>(decider: Decider<Command, State, Event>) =>
  (...history: Event[]): Given<Command, State, Event> => ({
    when: (command) => {
      const state = fold(decider, decider.initial, history);
      const events = (): Event[] => decider.decide(command, state);
      return {
        events,
        then: (...expected) => assert.deepStrictEqual(events(), expected),
        thenMatches: (...expected) => assert.partialDeepStrictEqual(sameLength(events(), expected.length), expected),
        thenFails: (code) => assert.throws(events, (error) => (assert.equal((error as { code?: unknown }).code, code), true)),
        thenState: (expected) => assert.partialDeepStrictEqual(fold(decider, state, events()), expected),
      };
    },
  });

const fold = <Command, State, Event>(decider: Decider<Command, State, Event>, from: State, events: readonly Event[]): State =>
  events.reduce((state, event) => decider.evolve(state, event), from);

const sameLength = <Event>(events: Event[], length: number): Event[] => {
  assert.equal(events.length, length, `expected ${length} events, got ${JSON.stringify(events)}`);
  return events;
};
