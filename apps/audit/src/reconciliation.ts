/** Every minute: what processes counted beside the log against what the log holds. An event that was committed and is not there is an alarm. */
import { canonicalJson, COUNTED, REFUSED, type EventStore, type Where } from '@mandate/event-store';
import { AppError, type JsonObject } from '@mandate/kernel';
import type { LogReader } from './log/log-reader.js';
import { SELF, type OwnEvents } from './own-events.js';

interface Counted {
  from: number;
  to: number;
  events: number;
  refusals: number;
}

/** The envelope's last member: comparing bytes costs less than parsing them. */
const suffixOf = (where: Where): Buffer => Buffer.from(`,"where":${canonicalJson({ ...where })}}`);

const EVENTS_OF = {
  name: 'audit_events_of',
  text: `SELECT count(*) AS events FROM es.event WHERE log_id = 1 AND position > $1::bigint AND position <= $2::bigint
           AND substring(canonical FROM octet_length(canonical) - octet_length($3::bytea) + 1) = $3::bytea`,
};
const POSITIONS = 20_000;
const STREAM = 'reconciliation';

export class Reconciliation {
  /** Windows that were compared, and those that the log did not hold all of, since this process began. */
  compared = 0;
  mismatches = 0;
  private position: number | null = null;
  private readonly surplus = new Map<string, number>();

  constructor(
    private readonly store: EventStore,
    private readonly log: LogReader,
    private readonly ownEvents: OwnEvents,
  ) {}

  /** Compares what was told since the last time; begins with what is told from the start of this process on. */
  async run(): Promise<void> {
    const { size } = await this.store.head();
    this.position ??= size;
    while (this.position < size) {
      const to = Math.min(size, this.position + POSITIONS);
      const told = await this.store.readAll({ from: this.position, limit: to - this.position, types: [COUNTED] });
      for (const record of await this.log.at(told.map(({ position }) => position)))
        await this.compare(record.envelope.where, record.envelope.data as unknown as Counted);
      this.position = to;
    }
  }

  private async compare(where: Where, told: Counted): Promise<void> {
    this.compared++;
    const events = await this.eventsOf(where, told);
    const refusals = await this.refusalsOf(where, told);
    const surplus = this.refusalSurplus(where, refusals - told.refusals);
    if (events >= told.events && surplus >= 0) return;
    this.mismatches++;
    const { service, instance } = where;
    const data = {
      service,
      instance,
      from: told.from,
      to: told.to,
      counted: told.events,
      logged: events,
      refusalsAnswered: told.refusals,
      refusalsLogged: refusals,
    };
    await this.ownEvents.record(SELF, STREAM, { type: 'mismatched', data }, { outcome: 'failure', reason: 'EVENTS_MISSING' });
  }

  /**
   * Refusals on record less those that were answered. One that is on record at the end of a window may be answered in the next, so what is left over
   * counts for later; what the first window of a process lacks may stand before it.
   */
  private refusalSurplus({ service, instance }: Where, difference: number): number {
    const process = `${service}/${instance}`;
    const before = this.surplus.get(process);
    const surplus = before === undefined ? Math.max(0, difference) : before + difference;
    this.surplus.set(process, Math.max(0, surplus));
    return surplus;
  }

  private async eventsOf(where: Where, { from, to }: Counted): Promise<number> {
    let events = 0;
    for (let at = from; at < to; at += POSITIONS) {
      const [row] = await this.store.database.query(EVENTS_OF, [at, Math.min(to, at + POSITIONS), suffixOf(where)]);
      events += Number(row?.['events']);
    }
    return events;
  }

  private async refusalsOf({ service, instance }: Where, { from, to }: Counted): Promise<number> {
    let refusals = 0;
    for (let at = from; at < to; at += POSITIONS) {
      const refused = await this.store.readAll({ from: at, limit: Math.min(to - at, POSITIONS), types: [REFUSED] });
      for (const { stream, data } of refused) if (stream.id === `refusals-${service}-${instance}`) refusals += dataCount(data);
    }
    return refusals;
  }

  /** For /health/ready. */
  report(): string {
    if (this.mismatches > 0)
      throw new AppError(
        'EVENTS_MISSING',
        'internal',
        `${this.mismatches} of ${this.compared} counts name more events than the log holds; see audit.mismatched`,
      );
    return `${this.compared} counts agree with the log`;
  }
}

const dataCount = (data: JsonObject): number => Number(data['count'] ?? 0);
