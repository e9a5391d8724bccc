import { concernedBy, hasTerms, termGroups } from '@mandate/audit-trail';
import type { AuditEventView, Page } from '@mandate/contracts';
import type { EventStore } from '@mandate/event-store';
import type { Caller } from '@mandate/service-host';
import { AuditSearch, OUTCOMES, type EventFilter, type EventQuery } from '../http/index.js';
import { auditView, type LogReader } from '../log/log-reader.js';
import { newestFirst } from './newest-first.js';
import type { SearchIndex } from './search-index.js';

const CHUNK = 500;

/** A search within bounds: what an event must have, and between which positions. */
export interface Scope {
  tenant: string;
  groups: string[][];
  /** One aggregate, when only its events are wanted, and what says that it was looked at. */
  stream: { type: string; id: string } | null;
  first: number;
  last: number;
}

const TYPES = { name: 'audit_types', text: 'SELECT DISTINCT type FROM es.event_type' };

/** Newest first: one by one what is not indexed yet, then by the index. */
export class LogSearch extends AuditSearch {
  constructor(
    private readonly store: EventStore,
    private readonly log: LogReader,
    private readonly index: SearchIndex,
  ) {
    super();
  }

  async events({ tenant }: Caller, query: EventQuery): Promise<Page<AuditEventView>> {
    const scope = await this.scopeOf(tenant, query);
    const before = query.cursor === undefined ? scope : { ...scope, last: Math.min(scope.last, Number(query.cursor) - 1) };
    const found: AuditEventView[] = [];
    for await (const events of this.backwards(before, query.limit + 1)) {
      found.push(...events);
      if (found.length > query.limit) break;
    }
    const items = found.slice(0, query.limit);
    return { items, nextCursor: found.length > query.limit ? String(items.at(-1)?.position) : null };
  }

  async scopeOf(tenant: string, filter: EventFilter): Promise<Scope> {
    const { size } = await this.store.head();
    const [type, ...id] = filter.resource?.split('/') ?? [];
    const stream = type !== undefined && id.length > 0 ? { type, id: id.join('/') } : null;
    const types = filter.action?.endsWith('.') ? (await this.store.database.query(TYPES)).map((row) => row['type'] as string) : [];
    const typesOf = (action: string): string[] => (action.endsWith('.') ? types.filter((known) => known.startsWith(action)) : [action]);
    const groups = termGroups({ ...filter, ...(type === undefined || stream ? {} : { resourceType: type }) }, typesOf);
    return {
      tenant,
      // Whoever asks for nothing in particular still asks for one tenant's events.
      groups: groups.length > 0 ? groups : [OUTCOMES.map((outcome) => `o:${outcome}`)],
      stream,
      first: filter.since === undefined ? 1 : await this.log.firstSince(new Date(filter.since), size),
      last: filter.until === undefined ? size : (await this.log.firstSince(new Date(filter.until), size)) - 1,
    };
  }

  private backwards(scope: Scope, wanted: number): AsyncGenerator<AuditEventView[]> {
    const { stream, groups } = scope;
    if (!stream) return this.byTerms(scope, wanted);
    const looks = { ...scope, stream: null, groups: [...groups, ...termGroups({ concerned: nameOf(stream) }, () => [])] };
    return newestFirst(this.ofStream(scope, stream), this.byTerms(looks, wanted));
  }

  private async *byTerms(scope: Scope, wanted: number): AsyncGenerator<AuditEventView[]> {
    const indexed = await this.index.indexedTo();
    for (let last = scope.last; last > indexed && last >= scope.first; last -= CHUNK) {
      const from = Math.max(scope.first, indexed + 1, last - CHUNK + 1);
      yield (await this.log.chunk(from, last))
        .map(auditView)
        .filter((event) => isIn(event, scope))
        .reverse();
    }
    let positions: number[] = [];
    for await (const position of this.index.positions(scope.tenant, scope.groups, scope.first, Math.min(scope.last, indexed))) {
      positions.push(position);
      if (positions.length < wanted) continue;
      yield this.at(positions);
      positions = [];
    }
    yield this.at(positions);
  }

  private async at(positions: readonly number[]): Promise<AuditEventView[]> {
    return (await this.log.at(positions)).map(auditView).reverse();
  }

  private async *ofStream({ tenant, groups, first, last }: Scope, stream: { type: string; id: string }): AsyncGenerator<AuditEventView[]> {
    for (let before = last + 1; ;) {
      const page = (await this.log.ofStream(tenant, stream, first, before - 1, CHUNK)).map(auditView);
      yield page.filter((event) => hasTerms(event, groups));
      const end = page.at(-1);
      if (!end || page.length < CHUNK) return;
      before = end.position;
    }
  }
}

const nameOf = ({ type, id }: { type: string; id: string }): string => `${type}/${id}`;

export const isIn = (event: AuditEventView, { tenant, groups, stream }: Scope): boolean =>
  event.tenant === tenant &&
  (stream === null || nameOf(event.resource) === nameOf(stream) || concernedBy(event).includes(nameOf(stream))) &&
  hasTerms(event, groups);
