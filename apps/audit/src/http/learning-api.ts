/** What HTTP asks of the export for learning. */
import type { Caller } from '@mandate/service-host';

export abstract class LearningApi {
  /** Resolves once it is recorded that somebody takes them away; then JSON lines of `LearningRow`. */
  abstract begin(caller: Caller): Promise<(signal: AbortSignal) => AsyncIterable<string>>;
}
