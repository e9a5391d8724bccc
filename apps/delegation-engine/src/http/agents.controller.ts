import type { AgentView, Page } from '@mandate/contracts';
import { Describe, FromCaller, type Caller } from '@mandate/service-host';
import { Controller, Get } from '@nestjs/common';
import { DelegationApi } from './delegation-api.js';
import { AGENT, page } from './view-schemas.js';

@Controller('api/agents')
export class AgentsController {
  constructor(private readonly delegations: DelegationApi) {}

  @Describe({ summary: 'Registered workers and what they can do', answers: { 200: { description: 'All of them', schema: page(AGENT) } } })
  @Get()
  async list(@FromCaller() caller: Caller): Promise<Page<AgentView>> {
    return { items: await this.delegations.agents(caller), nextCursor: null };
  }
}
