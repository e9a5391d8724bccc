import { SchedulingChange, type SchedulingView } from '@mandate/contracts';
import { Describe, Discloses, DocumentPipe, FromCaller, type Caller } from '@mandate/service-host';
import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { SchedulingApi } from './scheduling-api.js';
import { SCHEDULING } from './view-schemas.js';

const POLICY = { 200: { description: 'As it is now', schema: SCHEDULING } };

@Controller('api/scheduling')
export class SchedulingController {
  constructor(private readonly scheduling: SchedulingApi) {}

  @Describe({ summary: 'Limits, rates, pauses, retry budgets, breakers, and what runs under them', answers: POLICY })
  @Get()
  view(@FromCaller() caller: Caller): Promise<SchedulingView> {
    return this.scheduling.view(caller);
  }

  @Describe({
    summary: 'Change a limit, a rate, a weight, a pause, what a worker may get, a retry budget, a breaker or a substitute',
    description: 'Recorded as an event and applied to the next decision. A change that changes nothing is no error.',
    body: SchedulingChange,
    answers: POLICY,
  })
  @Discloses()
  @Post()
  @HttpCode(200)
  change(@FromCaller() caller: Caller, @Body(new DocumentPipe(SchedulingChange)) change: SchedulingChange): Promise<SchedulingView> {
    return this.scheduling.change(caller, change);
  }
}
