/** What the HTTP edge asks about how workers do. */
import type { ProposalView, RebuildView, ReputationChange, ReputationOverview } from '@mandate/contracts';
import type { Caller } from './delegation-api.js';

export abstract class ReputationApi {
  abstract view(caller: Caller): Promise<ReputationOverview>;
  abstract configure(caller: Caller, change: ReputationChange): Promise<ReputationOverview>;
  /** Quarantines the worker, on record. Throws AppError `NO_PROPOSAL`, `PROPOSAL_DECIDED`. */
  abstract accept(caller: Caller, id: string, reason: string): Promise<ProposalView>;
  abstract dismiss(caller: Caller, id: string, reason: string): Promise<ProposalView>;
  /** Makes the figures anew from the log, on record. */
  abstract rebuild(caller: Caller): Promise<RebuildView>;
}
