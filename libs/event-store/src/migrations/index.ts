import { EventLog1763870000000 } from './1763870000000-event-log.js';
import { Append1763870100000 } from './1763870100000-append.js';
import { Ownership1763870200000 } from './1763870200000-ownership.js';
import { Guards1763870300000 } from './1763870300000-guards.js';
import { AuditRole1764090000000 } from './1764090000000-audit-role.js';
import { Erasure1764093600000 } from './1764093600000-erasure.js';
import { DeadLetterFate1764097200000 } from './1764097200000-dead-letter-fate.js';
import { Retention1764100800000 } from './1764100800000-retention.js';
import { ScheduleTimers1764100800000 } from './1764100800000-schedule-timers.js';
import { CheaperAppend1764378000000 } from './1764378000000-cheaper-append.js';
import { WaitingReasons1764417600000 } from './1764417600000-waiting-reasons.js';

export const EVENT_STORE_MIGRATIONS = [
  EventLog1763870000000,
  Append1763870100000,
  Ownership1763870200000,
  Guards1763870300000,
  AuditRole1764090000000,
  Erasure1764093600000,
  DeadLetterFate1764097200000,
  ScheduleTimers1764100800000,
  Retention1764100800000,
  CheaperAppend1764378000000,
  WaitingReasons1764417600000,
];
