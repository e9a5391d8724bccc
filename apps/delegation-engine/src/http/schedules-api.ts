/** What the HTTP edge asks of schedules. */
import type { NewSchedule, Page, ScheduleChange, ScheduleView } from '@mandate/contracts';
import type { Caller } from './delegation-api.js';

export abstract class SchedulesApi {
  abstract create(caller: Caller, schedule: NewSchedule): Promise<ScheduleView>;
  abstract list(caller: Caller, query: { limit: number; cursor?: string }): Promise<Page<ScheduleView>>;
  abstract view(caller: Caller, id: string): Promise<ScheduleView>;
  abstract change(caller: Caller, id: string, type: 'pause' | 'resume' | 'delete', change: ScheduleChange): Promise<void>;
  /** Asks now, whatever else runs. */
  abstract trigger(caller: Caller, id: string): Promise<{ delegationId: string }>;
}
