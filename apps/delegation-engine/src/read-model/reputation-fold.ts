/** What a batch of events makes of open attempts, standings and half-lives. Pure: what is stored of them is loaded before and saved after. */
import {
  ATTEMPT_EVENTS,
  ENDS_ALL,
  eventTypeName,
  followAttempt,
  type AttemptEvent,
  type AttemptOutcome,
  type OpenAttempt,
} from '@mandate/delegation';
import { DEFAULT_REPUTATION, observed, reputationEventName, type ReputationSettings, type Standing } from '@mandate/scheduling';
import type { ListedEvent } from './delegation-row.js';

export interface StandingRow {
  tenant: string;
  instance: string;
  capability: string;
  standing: Standing;
  /** Of the last event that is in it. */
  position: number;
}

export interface AttemptRow {
  tenant: string;
  delegationId: string;
  stepId: string;
  attempt: OpenAttempt;
}

export interface ReputationOutcome {
  tenant: string;
  position: number;
  halfLifeMs: number;
  outcome: AttemptOutcome;
}

const CONFIGURED = reputationEventName('configured');
const ENDINGS: ReadonlySet<string> = new Set(ENDS_ALL.map(eventTypeName));
const ATTEMPTS: ReadonlyMap<string, AttemptEvent['type']> = new Map(ATTEMPT_EVENTS.map((type) => [eventTypeName(type), type]));
export const REPUTATION_EVENTS: readonly string[] = [...ATTEMPTS.keys(), ...ENDINGS, CONFIGURED];

const attemptKey = (tenant: string, delegationId: string, stepId: string): string => `${tenant}.${delegationId}.${stepId}`;
export const standingKey = ({ tenant, instance, capability }: { tenant: string; instance: string; capability: string }): string =>
  `${tenant}.${instance}.${capability}`;

/** Open attempts of the delegations that a batch is about, and the tenants' half-lives, as they change with each event. */
export class AttemptFold {
  readonly outcomes: ReputationOutcome[] = [];
  private readonly open = new Map<string, AttemptRow>();
  private readonly ofDelegation = new Map<string, Set<string>>();
  private readonly stored = new Set<string>();

  constructor(
    rows: readonly AttemptRow[],
    readonly halfLives: Map<string, number>,
  ) {
    for (const row of rows) {
      this.put(row);
      this.stored.add(attemptKey(row.tenant, row.delegationId, row.stepId));
    }
  }

  apply({ type, tenant, stream, data, occurredAt, position }: ListedEvent): void {
    if (type === CONFIGURED) {
      this.halfLives.set(tenant, (data as ReputationSettings).halfLifeMs);
      return;
    }
    const delegation = `${tenant}.${stream.id}`;
    if (ENDINGS.has(type)) {
      for (const key of this.ofDelegation.get(delegation) ?? []) this.open.delete(key);
      this.ofDelegation.delete(delegation);
      return;
    }
    const name = ATTEMPTS.get(type);
    if (!name) return;
    const event = { type: name, at: Date.parse(occurredAt), data } as unknown as AttemptEvent;
    const { stepId } = event.data;
    const key = attemptKey(tenant, stream.id, stepId);
    const { open, outcome } = followAttempt(this.open.get(key)?.attempt ?? null, event);
    if (open) this.put({ tenant, delegationId: stream.id, stepId, attempt: open });
    else this.open.delete(key);
    if (outcome) this.outcomes.push({ tenant, position, outcome, halfLifeMs: this.halfLives.get(tenant) ?? DEFAULT_REPUTATION.halfLifeMs });
  }

  /** What is open now, and which of the stored rows are not any more. */
  result(): { open: AttemptRow[]; closed: Omit<AttemptRow, 'attempt'>[] } {
    const closed = [...this.stored].filter((key) => !this.open.has(key));
    return {
      open: [...this.open.values()],
      closed: closed.map((key) => {
        const [tenant = '', delegationId = '', stepId = ''] = key.split('.');
        return { tenant, delegationId, stepId };
      }),
    };
  }

  private put(row: AttemptRow): void {
    const key = attemptKey(row.tenant, row.delegationId, row.stepId);
    this.open.set(key, row);
    const delegation = `${row.tenant}.${row.delegationId}`;
    const keys = this.ofDelegation.get(delegation) ?? new Set<string>();
    this.ofDelegation.set(delegation, keys.add(key));
  }
}

/** The rows that outcomes change; one that a row has already seen changes nothing. */
export const foldOutcomes = (known: readonly StandingRow[], outcomes: readonly ReputationOutcome[]): StandingRow[] => {
  const rows = new Map(known.map((row) => [standingKey(row), row]));
  const changed = new Map<string, StandingRow>();
  for (const { tenant, position, halfLifeMs, outcome } of outcomes) {
    const { instance, capability } = outcome;
    const key = standingKey({ tenant, instance, capability });
    const before = changed.get(key) ?? rows.get(key);
    if (before && position <= before.position && !changed.has(key)) continue;
    changed.set(key, { tenant, instance, capability, position, standing: observed(before?.standing ?? null, outcome, halfLifeMs) });
  }
  return [...changed.values()];
};
