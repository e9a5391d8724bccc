import {
  AcceptProposal,
  DismissProposal,
  ReputationChange,
  type ProposalView,
  type RebuildView,
  type ReputationOverview,
} from '@mandate/contracts';
import { Describe, Discloses, DocumentPipe, FromCaller, type Caller } from '@mandate/service-host';
import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ULID_PIPE } from './id.pipe.js';
import { ReputationApi } from './reputation-api.js';
import { PROPOSAL, REBUILD, REPUTATION_OVERVIEW } from './view-schemas.js';

const OVERVIEW = { 200: { description: 'As it is now', schema: REPUTATION_OVERVIEW } };
const DECIDED = { 200: { description: 'The proposal with its decision', schema: PROPOSAL } };

@Controller('api/agents')
export class ReputationController {
  constructor(private readonly reputation: ReputationApi) {}

  @Describe({ summary: 'How reputations are counted, and which workers are proposed for quarantine', answers: OVERVIEW })
  @Get('reputation')
  view(@FromCaller() caller: Caller): Promise<ReputationOverview> {
    return this.reputation.view(caller);
  }

  @Describe({ summary: 'Change how reputations are counted', body: ReputationChange, answers: OVERVIEW })
  @Discloses()
  @Post('reputation')
  @HttpCode(200)
  configure(@FromCaller() caller: Caller, @Body(new DocumentPipe(ReputationChange)) change: ReputationChange): Promise<ReputationOverview> {
    return this.reputation.configure(caller, change);
  }

  @Describe({
    summary: 'Make the reputations anew from the log',
    description: 'Beside those that are shown meanwhile. The same events give the same figures.',
    answers: { 200: { description: 'How far, and how long it took', schema: REBUILD } },
  })
  @Post('reputation/rebuild')
  @HttpCode(200)
  rebuild(@FromCaller() caller: Caller): Promise<RebuildView> {
    return this.reputation.rebuild(caller);
  }

  @Describe({
    summary: 'Quarantine the worker as proposed',
    description: 'What it has is taken from it and it gets nothing until it is activated; the event names the proposal.',
    body: AcceptProposal,
    answers: DECIDED,
  })
  @Post('proposals/:id/accept')
  @HttpCode(200)
  accept(
    @FromCaller() caller: Caller,
    @Param('id', ULID_PIPE) id: string,
    @Body(new DocumentPipe(AcceptProposal)) { reason }: AcceptProposal,
  ): Promise<ProposalView> {
    return this.reputation.accept(caller, id, reason ?? '');
  }

  @Describe({
    summary: 'Leave the worker as it is',
    description: 'It is not proposed again for a while, unless it gets clearly worse.',
    body: DismissProposal,
    answers: DECIDED,
  })
  @Post('proposals/:id/dismiss')
  @HttpCode(200)
  dismiss(
    @FromCaller() caller: Caller,
    @Param('id', ULID_PIPE) id: string,
    @Body(new DocumentPipe(DismissProposal)) { reason }: DismissProposal,
  ): Promise<ProposalView> {
    return this.reputation.dismiss(caller, id, reason);
  }
}
