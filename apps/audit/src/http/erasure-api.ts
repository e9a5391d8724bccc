/** What HTTP asks of erasures. */
import type { ErasurePreview, ErasureRequest, ErasureView, Page } from '@mandate/contracts';
import type { Caller } from '@mandate/service-host';

export abstract class ErasureApi {
  /** Changes nothing. Throws AppError `NOT_FOUND`. */
  abstract preview(caller: Caller, request: ErasureRequest): Promise<ErasurePreview>;
  /**
   * Resolves once keys are destroyed and what is kept beside the log is gone. Throws AppError `ERASURE_IN_USE` while delegations of the person run,
   * `NOT_FOUND`.
   */
  abstract erase(caller: Caller, request: ErasureRequest): Promise<ErasureView>;
  /** Oldest first. */
  abstract list(caller: Caller, page: { limit: number; cursor?: string }): Promise<Page<ErasureView>>;
}
