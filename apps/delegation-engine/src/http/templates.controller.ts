import type { Page, TemplateView } from '@mandate/contracts';
import { Describe, FromCaller, QueryPipe, schemas, type Caller } from '@mandate/service-host';
import { Controller, Get, Query } from '@nestjs/common';
import { DelegationApi } from './delegation-api.js';
import { TemplateQuery } from './documents.js';
import { TEMPLATE } from './view-schemas.js';

@Controller('api/delegations/templates')
export class TemplatesController {
  constructor(private readonly delegations: DelegationApi) {}

  @Describe({
    summary: 'Graphs that served again and again, proposed as templates with what speaks for them',
    description: "Mined from the latest 1,000 delegations of more than one step. Use one by sending its steps, with goals, as a request's.",
    query: TemplateQuery,
    answers: { 200: { description: 'The surest first; all of them', schema: schemas.page(TEMPLATE) } },
  })
  @Get()
  async list(@FromCaller() caller: Caller, @Query(new QueryPipe(TemplateQuery)) { uses }: TemplateQuery): Promise<Page<TemplateView>> {
    return { items: await this.delegations.templates(caller, uses), nextCursor: null };
  }
}
