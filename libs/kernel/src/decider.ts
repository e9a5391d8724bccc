/** A decision maker without I/O (Chassaing's decider): `decide` says what happens, `evolve` says what that makes of the state. */
export interface Decider<Command, State, Event> {
  readonly initial: State;
  /** Throws AppError when the command is not possible in this state; `[]` when it changes nothing. */
  decide(command: Command, state: State): Event[];
  evolve(state: State, event: Event): State;
}
