import { ForkRequest, type AggregateStateView, type ForkView, type SystemStateView } from '@mandate/contracts';
import { Describe, DisclosesNothing, DocumentPipe, FromCaller, QueryPipe, type Caller } from '@mandate/service-host';
import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { StateQuery } from './documents.js';
import { ReplayApi } from './replay-api.js';
import { FORK, STATE } from './view-schemas.js';

@Controller('api/audit')
export class ReplayController {
  constructor(private readonly replay: ReplayApi) {}

  @Describe({
    summary: 'The state of one aggregate, or of the whole tenant, at a position or time',
    description: 'Folded from the log. Recorded as an event.',
    query: StateQuery,
    answers: { 200: { description: 'As it was', schema: STATE } },
  })
  @DisclosesNothing('recorded by itself')
  @Get('state')
  state(@FromCaller() caller: Caller, @Query(new QueryPipe(StateQuery)) query: StateQuery): Promise<AggregateStateView | SystemStateView> {
    return this.replay.state(caller, query);
  }

  @Describe({
    summary: 'Run a past delegation again with something changed',
    description:
      'By the rules of a delegation alone: recorded results answer the steps that are the same, nothing has an effect, and what nobody ever answered stays open. ' +
      'Recorded as an event.',
    body: ForkRequest,
    answers: { 200: { description: 'What would have been different', schema: FORK } },
  })
  @Post('forks')
  @HttpCode(200)
  fork(@FromCaller() caller: Caller, @Body(new DocumentPipe(ForkRequest)) request: ForkRequest): Promise<ForkView> {
    return this.replay.fork(caller, request);
  }
}
