/** What HTTP asks of the past. */
import type { AggregateStateView, ForkRequest, ForkView, SystemStateView } from '@mandate/contracts';
import type { Caller } from '@mandate/service-host';
import type { StateQuery } from './documents.js';

export type { StateQuery } from './documents.js';

/** Each is on record before it is answered. */
export abstract class ReplayApi {
  abstract state(caller: Caller, query: StateQuery): Promise<AggregateStateView | SystemStateView>;
  /** Throws AppError `NOT_FOUND`, `CANNOT_FORK`, and what a changed request is refused with. */
  abstract fork(caller: Caller, request: ForkRequest): Promise<ForkView>;
}
