/** What the scheduler is asked for, and what it gives. */
import type { AskReason, Effects } from '@mandate/contracts';
import type { SlotHolder } from '@mandate/scheduling';

export interface Grant extends SlotHolder {
  effects: Effects;
  /** The append carries it: a grant of a scheduler that was replaced is refused there. */
  schedulerEpoch: number;
}

export interface SlotRequest {
  tenant: string;
  delegationId: string;
  stepId: string;
  /** The attempt and the lease that would begin. */
  attempt: number;
  lease: number;
  capability: string;
  /** The delegation's concurrency key. */
  key: string | null;
  /** Absent: for the first time. */
  reason?: AskReason;
  /** A substitute of the capability may take it; absent: no. */
  substitutable?: boolean;
  /** An instance that just declined. */
  except: string | null;
}
