import type { AuditEventView, Page } from '@mandate/contracts';
import { Describe, FromCaller, QueryPipe, schemas, type Caller } from '@mandate/service-host';
import { Controller, Get, Query } from '@nestjs/common';
import { AuditSearch } from './audit-search.js';
import { EventQuery } from './documents.js';
import { AUDIT_EVENT } from './view-schemas.js';

@Controller('api/audit/events')
export class EventsController {
  constructor(private readonly search: AuditSearch) {}

  @Describe({
    summary: 'Search the audit trail, newest first',
    description: 'All of what is named must hold. Complete up to the moment of the question.',
    query: EventQuery,
    answers: { 200: { description: 'A page', schema: schemas.page(AUDIT_EVENT) } },
  })
  @Get()
  events(@FromCaller() caller: Caller, @Query(new QueryPipe(EventQuery)) query: EventQuery): Promise<Page<AuditEventView>> {
    return this.search.events(caller, query);
  }
}
