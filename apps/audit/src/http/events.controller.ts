import type { AuditEventView, Page } from '@mandate/contracts';
import { isUlid } from '@mandate/kernel';
import { Describe, Discloses, FromCaller, QueryPipe, schemas, type Asked, type Caller } from '@mandate/service-host';
import { Controller, Get, Query } from '@nestjs/common';
import { AuditSearch } from './audit-search.js';
import { EventQuery } from './documents.js';
import { AUDIT_EVENT } from './view-schemas.js';

/** Who asks for the history of one aggregate looks at that one; nothing else of a question is kept. */
const asked = ({ query: { resource } }: Asked): string | null =>
  typeof resource === 'string' && isUlid(resource.split('/')[1] ?? '') ? resource : null;

@Controller('api/audit/events')
export class EventsController {
  constructor(private readonly search: AuditSearch) {}

  @Describe({
    summary: 'Search the audit trail, newest first',
    description: 'All of what is named must hold. Complete up to the moment of the question.',
    query: EventQuery,
    answers: { 200: { description: 'A page', schema: schemas.page(AUDIT_EVENT) } },
  })
  @Discloses(asked)
  @Get()
  events(@FromCaller() caller: Caller, @Query(new QueryPipe(EventQuery)) query: EventQuery): Promise<Page<AuditEventView>> {
    return this.search.events(caller, query);
  }
}
