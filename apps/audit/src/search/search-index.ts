/** The search index as it is stored: written a whole segment at a time, read backwards. */
import { firstOf, inAllGroups, noPrefixes, putPrefix, SEGMENT_SIZE, SegmentIndex, segmentOf } from '@mandate/audit-trail';
import type { Database } from '@mandate/event-store';
import type { SubjectEvent, SubjectIndex } from '../erasure/index.js';
import type { LogReader } from '../log/log-reader.js';
import { foldRun, forgetRuns, placesOf, type Places } from './event-places.js';

const LAST = { name: 'audit_last_segment', text: 'SELECT max(segment) AS segment FROM audit.segment' };
const BEGIN_SEGMENT = 'INSERT INTO audit.segment (segment, ids) VALUES ($1, $2) ON CONFLICT DO NOTHING';
const ADD_TERMS = `INSERT INTO audit.term (tenant, term, segment, positions) SELECT t.tenant, t.term, $1, t.positions
  FROM unnest($2::text[], $3::text[], $4::bytea[]) AS t(tenant, term, positions)
  ON CONFLICT (tenant, term, segment) DO UPDATE SET positions = excluded.positions`;
const TERM_PAGE = {
  name: 'audit_term_page',
  text: `SELECT segment, positions FROM audit.term WHERE tenant = $1 AND term = ANY ($2) AND segment BETWEEN $3 AND $4 ORDER BY segment DESC LIMIT $5`,
};
const TERM_IN = {
  name: 'audit_term_in',
  text: 'SELECT segment, positions FROM audit.term WHERE tenant = $1 AND term = ANY ($2) AND segment = ANY ($3)',
};
const FREQUENCY = {
  name: 'audit_term_frequency',
  text: 'SELECT count(*) AS n FROM (SELECT FROM audit.term WHERE tenant = $1 AND term = ANY ($2) AND segment BETWEEN $3 AND $4 LIMIT 200) few',
};

/** Where what retention left begins. */
const FIRST_KEPT = { name: 'audit_first_kept', text: 'SELECT min(position) AS position FROM es.event WHERE log_id = 1' };
/** The last segment stays: it says how far the index has come. */
const FORGET = 'DELETE FROM audit.segment WHERE segment < least((SELECT max(segment) FROM audit.segment), $1) RETURNING segment';
const FORGET_TERMS = 'DELETE FROM audit.term WHERE segment < $1';

const CHUNK = 512;
const CATCH_UP_MS = 1_000;
/** Rows of the rarest group that are intersected at a time. */
const PAGE = 256;

export class SearchIndex {
  /** As far as this process knows: at least so far is indexed. */
  private known = 0;
  /** What stood before this position is forgotten. */
  private keptFrom = 1;

  constructor(
    private readonly database: Database,
    private readonly log: LogReader,
    private readonly subjects: SubjectIndex,
  ) {}

  /** The last position that is indexed; everything behind it has to be looked at one by one. */
  async indexedTo(): Promise<number> {
    const [row] = await this.database.query(LAST);
    const last = row?.['segment'];
    return last === null || last === undefined ? 0 : firstOf(Number(last)) + SEGMENT_SIZE - 1;
  }

  /** Where an event with the id may stand, among those that are indexed. */
  places(id: string): Promise<Places> {
    return placesOf(this.database, id);
  }

  /** Indexes what is complete, for a second at most, and forgets what retention dropped. True: there may be more. */
  async catchUp(size: number): Promise<boolean> {
    const until = performance.now() + CATCH_UP_MS;
    while (performance.now() < until)
      if (!(await this.extend(size))) {
        await this.forget();
        return false;
      }
    return true;
  }

  /** Indexes the next segment when all of it is there. False: it is not. A second process that does the same changes nothing. */
  private async extend(size: number): Promise<boolean> {
    if (size < this.known + SEGMENT_SIZE) return false;
    const from = (this.known = await this.indexedTo()) + 1;
    const segment = segmentOf(from);
    if (size < from + SEGMENT_SIZE - 1) return false;
    const index = new SegmentIndex(segment);
    const prefixes = noPrefixes();
    const subjects: SubjectEvent[] = [];
    for (let at = from; at < from + SEGMENT_SIZE; at += CHUNK)
      for (const event of await this.log.indexed(at, at + CHUNK - 1)) {
        index.add(event);
        putPrefix(prefixes, event.position - from, event.id);
        const { subject, tenant, resource, position } = event;
        if (subject !== undefined) subjects.push({ subject, tenant, resource, position });
      }
    const terms = index.terms();
    await this.database.transaction(
      async (client) => {
        const { rowCount } = await client.query(BEGIN_SEGMENT, [segment, terms.length > 0 ? Buffer.from(prefixes) : null]);
        if (rowCount === 0) return;
        const columns = [
          terms.map(({ tenant }) => tenant),
          terms.map(({ term }) => term),
          terms.map(({ positions }) => Buffer.from(positions)),
        ];
        await client.query(ADD_TERMS, [segment, ...columns]);
        await foldRun(client, segment);
        await this.subjects.take(client, from, from + SEGMENT_SIZE - 1, subjects);
      },
      { durable: false },
    );
    this.known = from + SEGMENT_SIZE - 1;
    return true;
  }

  private async forget(): Promise<void> {
    const [row] = await this.database.query(FIRST_KEPT);
    const kept = Number(row?.['position'] ?? 0);
    if (kept <= this.keptFrom) return;
    await this.database.transaction(async (client) => {
      const { rowCount } = await client.query(FORGET, [segmentOf(kept)]);
      if (rowCount === 0) return;
      await client.query(FORGET_TERMS, [segmentOf(kept)]);
      await forgetRuns(client, segmentOf(kept));
    });
    this.keptFrom = kept;
  }

  /** Positions from `last` down to `first` whose events have a term of each group, newest first. At least one group. */
  async *positions(tenant: string, groups: readonly (readonly string[])[], first: number, last: number): AsyncGenerator<number> {
    const from = segmentOf(first);
    let to = segmentOf(last);
    const [rarest = [], ...others] = await this.byFrequency(tenant, groups, from, to);
    while (to >= from) {
      const page = await this.database.query(TERM_PAGE, [tenant, rarest, from, to, PAGE]);
      if (page.length === 0) return;
      // The last segment of a full page may be cut: it comes again with the next one.
      const lowest = Number(page.at(-1)?.['segment']);
      const whole = page.length < PAGE ? from : lowest + (rarest.length > 1 ? 1 : 0);
      const found = bySegment(page.filter((row) => Number(row['segment']) >= whole));
      const sets = await Promise.all(others.map((group) => this.sets(tenant, group, [...found.keys()])));
      for (const [segment, own] of found) {
        const offsets = inAllGroups([own, ...sets.map((group) => group.get(segment) ?? [])]);
        for (const offset of offsets.reverse()) {
          const position = firstOf(segment) + offset;
          if (position >= first && position <= last) yield position;
        }
      }
      to = whole - 1;
    }
  }

  private async sets(tenant: string, group: readonly string[], segments: readonly number[]): Promise<Map<number, Buffer[]>> {
    return bySegment(await this.database.query(TERM_IN, [tenant, group, segments]));
  }

  private async byFrequency(
    tenant: string,
    groups: readonly (readonly string[])[],
    from: number,
    to: number,
  ): Promise<(readonly string[])[]> {
    if (groups.length < 2) return [...groups];
    const counted = await Promise.all(
      groups.map(async (group) => {
        const [row] = await this.database.query(FREQUENCY, [tenant, group, from, to]);
        return { group, n: Number(row?.['n']) };
      }),
    );
    return counted.sort((a, b) => a.n - b.n).map(({ group }) => group);
  }
}

/** In the rows' order. */
const bySegment = (rows: readonly Record<string, unknown>[]): Map<number, Buffer[]> => {
  const segments = new Map<number, Buffer[]>();
  for (const row of rows) {
    const segment = Number(row['segment']);
    const sets = segments.get(segment) ?? [];
    segments.set(segment, sets);
    sets.push(row['positions'] as Buffer);
  }
  return segments;
};
