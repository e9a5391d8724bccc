import type { ServerResponse } from 'node:http';
import { Describe, DisclosesNothing, FromCaller, type Caller } from '@mandate/service-host';
import { Controller, Get, Res } from '@nestjs/common';
import { LearningApi } from './learning-api.js';
import { streamText } from './stream-text.js';

const CONTENT_TYPE = 'application/x-ndjson';

@Controller('api/audit/learning')
export class LearningController {
  constructor(private readonly learning: LearningApi) {}

  @Describe({
    summary: 'What may be learned from delegations, anonymous: a row each, of enums, counts and rounded numbers',
    description: 'Names of capabilities that fewer than ten requesters used stand as "other". Recorded as an event before the first line.',
    answers: { 200: { description: 'JSON lines', schema: {}, contentTypes: [CONTENT_TYPE] } },
  })
  @DisclosesNothing('recorded by itself')
  @Get()
  async rows(@FromCaller() caller: Caller, @Res() response: ServerResponse): Promise<void> {
    await streamText(response, { 'content-type': CONTENT_TYPE }, await this.learning.begin(caller));
  }
}
