/** What the HTTP edge asks of flow control. */
import type { SchedulingChange, SchedulingView } from '@mandate/contracts';
import type { Caller } from './delegation-api.js';

export abstract class SchedulingApi {
  abstract view(caller: Caller): Promise<SchedulingView>;
  /** Records a change and resolves to the policy after it. */
  abstract change(caller: Caller, change: SchedulingChange): Promise<SchedulingView>;
}
