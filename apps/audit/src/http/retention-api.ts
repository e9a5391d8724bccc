/** What HTTP asks of retention and legal holds. */
import type { HoldRequest, HoldView, RetentionRequest, RetentionRunView, RetentionView } from '@mandate/contracts';
import type { Caller } from '@mandate/service-host';

export abstract class RetentionApi {
  abstract view(): Promise<RetentionView>;
  abstract change(caller: Caller, request: RetentionRequest): Promise<RetentionView>;
  abstract placeHold(caller: Caller, request: HoldRequest): Promise<HoldView>;
  /** Throws AppError `UNKNOWN_HOLD`. */
  abstract liftHold(caller: Caller, holdId: string): Promise<RetentionView>;
  /** What is due is archived and dropped now, and not with the next daily run. */
  abstract run(caller: Caller): Promise<RetentionRunView>;
}
