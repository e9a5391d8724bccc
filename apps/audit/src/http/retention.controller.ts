import { HoldRequest, RetentionRequest, type HoldView, type RetentionRunView, type RetentionView } from '@mandate/contracts';
import { Describe, Discloses, DocumentPipe, FromCaller, type Caller } from '@mandate/service-host';
import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { RetentionApi } from './retention-api.js';
import { HOLD, RETENTION, RETENTION_RUN } from './view-schemas.js';

const AS_IT_IS = { 200: { description: 'As it is now', schema: RETENTION } };

@Controller('api/audit/retention')
export class RetentionController {
  constructor(private readonly retention: RetentionApi) {}

  @Describe({ summary: 'How long events are kept, what is held, and what is retired', answers: AS_IT_IS })
  @Get()
  view(): Promise<RetentionView> {
    return this.retention.view();
  }

  @Describe({ summary: 'Say how long events are kept', body: RetentionRequest, answers: AS_IT_IS })
  @Discloses()
  @Post()
  @HttpCode(200)
  change(@FromCaller() caller: Caller, @Body(new DocumentPipe(RetentionRequest)) request: RetentionRequest): Promise<RetentionView> {
    return this.retention.change(caller, request);
  }

  @Describe({
    summary: 'Retire now what is due',
    description: 'Otherwise a daily run does it. Archived, read back and compared, then dropped; each is an event.',
    answers: { 200: { description: 'What was done', schema: RETENTION_RUN } },
  })
  @Post('run')
  @HttpCode(200)
  run(@FromCaller() caller: Caller): Promise<RetentionRunView> {
    return this.retention.run(caller);
  }

  @Describe({
    summary: 'Place a legal hold: what it is about is neither retired nor erased',
    body: HoldRequest,
    answers: { 201: { description: 'It stands', schema: HOLD } },
  })
  @Post('holds')
  hold(@FromCaller() caller: Caller, @Body(new DocumentPipe(HoldRequest)) request: HoldRequest): Promise<HoldView> {
    return this.retention.placeHold(caller, request);
  }

  @Describe({ summary: 'Lift a legal hold', answers: AS_IT_IS })
  @Post('holds/:id/lift')
  @HttpCode(200)
  lift(@FromCaller() caller: Caller, @Param('id') id: string): Promise<RetentionView> {
    return this.retention.liftHold(caller, id);
  }
}
