/** What the HTTP edge asks of the dead letters. */
import type {
  DeadLetterFate,
  DeadLetterFilter,
  DeadLetterItem,
  DeadLettersSettled,
  DeadLetterView,
  DiscardDeadLetters,
  Page,
  RedriveDeadLetters,
} from '@mandate/contracts';
import type { Caller } from './delegation-api.js';

export abstract class DeadLettersApi {
  /** Newest first. */
  abstract list(caller: Caller, query: DeadLetterFilter & { fate?: DeadLetterFate; limit: number }): Promise<Page<DeadLetterItem>>;
  abstract view(caller: Caller, id: string): Promise<DeadLetterView>;
  /** Publishes messages once more, and asks for delegations again under new ids. */
  abstract redrive(caller: Caller, which: RedriveDeadLetters): Promise<DeadLettersSettled>;
  /** For good: their content is gone. */
  abstract discard(caller: Caller, which: DiscardDeadLetters): Promise<DeadLettersSettled>;
}
