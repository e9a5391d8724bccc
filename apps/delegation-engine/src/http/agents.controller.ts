import type { AgentView, Page } from '@mandate/contracts';
import { Describe, FromCaller, QueryPipe, schemas, type Caller } from '@mandate/service-host';
import { Controller, Get, Query } from '@nestjs/common';
import { DelegationApi } from './delegation-api.js';
import { AgentListQuery } from './documents.js';
import { AGENT } from './view-schemas.js';

@Controller('api/agents')
export class AgentsController {
  constructor(private readonly delegations: DelegationApi) {}

  @Describe({
    summary: 'Registered workers and what they can do, by instance',
    query: AgentListQuery,
    answers: { 200: { description: 'All of them, or a page', schema: schemas.page(AGENT) } },
  })
  @Get()
  async list(
    @FromCaller() caller: Caller,
    @Query(new QueryPipe(AgentListQuery)) { limit, cursor = '' }: AgentListQuery,
  ): Promise<Page<AgentView>> {
    const after = (await this.delegations.agents(caller)).filter(({ instance }) => instance > cursor);
    const items = after.slice(0, limit);
    return { items, nextCursor: items.length < after.length ? (items.at(-1)?.instance ?? null) : null };
  }
}
