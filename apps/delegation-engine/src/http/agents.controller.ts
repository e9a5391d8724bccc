import type { AgentView, Page } from '@mandate/contracts';
import { Describe, FromCaller, schemas, type Caller } from '@mandate/service-host';
import { Controller, Get } from '@nestjs/common';
import { DelegationApi } from './delegation-api.js';
import { AGENT } from './view-schemas.js';

@Controller('api/agents')
export class AgentsController {
  constructor(private readonly delegations: DelegationApi) {}

  @Describe({
    summary: 'Registered workers and what they can do',
    answers: { 200: { description: 'All of them', schema: schemas.page(AGENT) } },
  })
  @Get()
  async list(@FromCaller() caller: Caller): Promise<Page<AgentView>> {
    return { items: await this.delegations.agents(caller), nextCursor: null };
  }
}
