/**
 * How long events are kept, and what must be kept in spite of it. Pure.
 * Line: the position below which events are due. Hold: a legal hold; while it stands, no partition that holds something of its scope is retired.
 */
import { AppError } from '@mandate/kernel';

/** What a hold is about. A person stands there as a blind index, hex. */
export type HoldScope = { of: 'all' } | { of: 'delegation'; delegationId: string } | { of: 'subject'; subject: string };

export interface Hold {
  id: string;
  scope: HoldScope;
  /** Milliseconds since the epoch. */
  placedAt: number;
}

/** What was retired at one time. */
export interface RetiredPartition {
  /** First position, and the first behind it. */
  from: number;
  to: number;
  /** How many there were. */
  events: number;
  /** Events of what is not over: they stay. */
  kept: number;
  /** Where they were exported to before, and the digest of that file (SHA-256, hex). Absent when a later line took what was kept the first time. */
  archive?: { file: string; sha256: string; bytes: number };
}

/** A partition that is about to be dropped: recorded before it is, so that a crash in between leaves no gap that nobody explains. */
export interface BegunRetirement {
  from: number;
  to: number;
  /** What belongs to delegations that ended before this position goes. */
  line: number;
  /** How many events there are. */
  events: number;
  archive?: RetiredPartition['archive'];
}

export type RetentionEvent =
  | { type: 'changed'; at: number; data: { days: number | null } }
  | { type: 'holdplaced'; at: number; data: { holdId: string; scope: HoldScope }; personal?: { reason: string } }
  | { type: 'holdlifted'; at: number; data: { holdId: string } }
  | { type: 'retiring'; at: number; data: BegunRetirement }
  | { type: 'retired'; at: number; data: RetiredPartition }
  /** What had begun was not carried out: nothing was dropped. */
  | { type: 'spared'; at: number; data: { from: number; to: number; line: number } }
  /** A run is over, whether or not anything was due; `stoppedBy`: why the next partition stays. */
  | { type: 'ran'; at: number; data: { retired: number; deadLetters: number; stoppedBy: StayReason; holdId?: string } };

export interface Retention {
  /** Null: events are kept for good. */
  days: number | null;
  holds: Readonly<Record<string, Hold>>;
  lastRunAt: number | null;
  /** What had begun and is neither done nor given up, by its first position. */
  begun: Readonly<Record<number, BegunRetirement>>;
}

export type RetentionCommand =
  | { type: 'change'; days: number | null; now: number }
  | { type: 'place-hold'; holdId: string; scope: HoldScope; reason?: string; now: number }
  | { type: 'lift-hold'; holdId: string; now: number };

export const KEEP_ALL: Retention = { days: null, holds: {}, lastRunAt: null, begun: {} };

/** Throws AppError `UNKNOWN_HOLD`. A change that changes nothing gives no event. */
export const decideRetention = (command: RetentionCommand, state: Retention): RetentionEvent[] => {
  const { now: at } = command;
  switch (command.type) {
    case 'change':
      return command.days === state.days ? [] : [{ type: 'changed', at, data: { days: command.days } }];
    case 'place-hold': {
      const { holdId, scope, reason } = command;
      return [{ type: 'holdplaced', at, data: { holdId, scope }, ...(reason === undefined ? {} : { personal: { reason } }) }];
    }
    case 'lift-hold':
      if (!state.holds[command.holdId]) throw new AppError('UNKNOWN_HOLD', 'not-found', `there is no hold ${command.holdId}`);
      return [{ type: 'holdlifted', at, data: { holdId: command.holdId } }];
  }
};

export const evolveRetention = (state: Retention, event: RetentionEvent): Retention => {
  switch (event.type) {
    case 'changed':
      return { ...state, days: event.data.days };
    case 'holdplaced': {
      const { holdId: id, scope } = event.data;
      return { ...state, holds: { ...state.holds, [id]: { id, scope, placedAt: event.at } } };
    }
    case 'holdlifted':
      return { ...state, holds: Object.fromEntries(Object.entries(state.holds).filter(([id]) => id !== event.data.holdId)) };
    case 'ran':
      return { ...state, lastRunAt: event.at };
    case 'retiring':
      return { ...state, begun: { ...state.begun, [event.data.from]: event.data } };
    case 'retired':
    case 'spared':
      return { ...state, begun: Object.fromEntries(Object.entries(state.begun).filter(([from]) => Number(from) !== event.data.from)) };
  }
};

export type StayReason = 'kept-for-good' | 'not-full' | 'too-young' | 'held' | 'not-signed';

/** A partition of the log as it is found. */
export interface PartitionFacts {
  /** The log has grown past it. */
  full: boolean;
  /** When its last event was recorded, milliseconds. */
  newestAt: number;
  /** Every leaf of it is in tiles that a signed checkpoint covers. */
  signed: boolean;
  /** The hold that concerns something in it. */
  heldBy: string | null;
}

const DAY_MS = 86_400_000;

/** Null: it is due. */
export const whyItStays = ({ days }: Retention, partition: PartitionFacts, now: number): StayReason | null => {
  if (days === null) return 'kept-for-good';
  if (!partition.full) return 'not-full';
  if (partition.newestAt > now - days * DAY_MS) return 'too-young';
  if (partition.heldBy !== null) return 'held';
  return partition.signed ? null : 'not-signed';
};

export const RETENTION = 'retention';
export const RETENTION_EVENT_PREFIX = `dev.mandate.${RETENTION}.`;
export const retentionEventName = (type: RetentionEvent['type']): string => `${RETENTION_EVENT_PREFIX}${type}.v1`;
