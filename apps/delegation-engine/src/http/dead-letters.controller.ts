import {
  DEAD_LETTER_FATES,
  DeadLetterFilter,
  DiscardDeadLetters,
  RedriveDeadLetters,
  type DeadLetterFate,
  type DeadLetterItem,
  type DeadLettersSettled,
  type DeadLetterView,
  type Page,
} from '@mandate/contracts';
import { Describe, Discloses, DocumentPipe, FromCaller, inPath, QueryPipe, schemas, type Caller } from '@mandate/service-host';
import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { IsIn, IsInt, Max, Min, ValidateIf } from 'class-validator';
import { DeadLettersApi } from './dead-letters-api.js';
import { PAGE_LIMITS } from './documents.js';
import { ULID_PIPE } from './id.pipe.js';
import { DEAD_LETTER, DEAD_LETTER_ITEM, DEAD_LETTERS_SETTLED } from './view-schemas.js';

export class DeadLetterQuery extends DeadLetterFilter {
  @ValidateIf((_owner, value) => value !== undefined) @IsIn(DEAD_LETTER_FATES) fate?: DeadLetterFate;
  @IsInt() @Min(1) @Max(PAGE_LIMITS.max) limit: number = PAGE_LIMITS.default;
}

const SETTLED = { 200: { description: 'What became of each', schema: DEAD_LETTERS_SETTLED } };

@Controller('api/delegations/dead-letters')
export class DeadLettersController {
  constructor(private readonly letters: DeadLettersApi) {}

  @Describe({
    summary: 'Messages that could not be taken and delegations that failed for good, newest first',
    query: DeadLetterQuery,
    answers: { 200: { description: 'A page', schema: schemas.page(DEAD_LETTER_ITEM) } },
  })
  @Get()
  list(@FromCaller() caller: Caller, @Query(new QueryPipe(DeadLetterQuery)) query: DeadLetterQuery): Promise<Page<DeadLetterItem>> {
    return this.letters.list(caller, query);
  }

  @Describe({ summary: 'One dead letter with its content', answers: { 200: { description: 'All that is known', schema: DEAD_LETTER } } })
  @Discloses(inPath('deadletter'))
  @Get(':id')
  view(@FromCaller() caller: Caller, @Param('id', ULID_PIPE) id: string): Promise<DeadLetterView> {
    return this.letters.view(caller, id);
  }

  @Describe({
    summary: 'Try again what gave up',
    description: 'A message is published as it came; a delegation is asked for again under a new id. With dryRun nothing happens.',
    body: RedriveDeadLetters,
    answers: SETTLED,
  })
  @Post('redrive')
  @HttpCode(200)
  redrive(
    @FromCaller() caller: Caller,
    @Body(new DocumentPipe(RedriveDeadLetters)) which: RedriveDeadLetters,
  ): Promise<DeadLettersSettled> {
    return this.letters.redrive(caller, which);
  }

  @Describe({ summary: 'Discard what gave up, with the reason on record', body: DiscardDeadLetters, answers: SETTLED })
  @Post('discard')
  @HttpCode(200)
  discard(
    @FromCaller() caller: Caller,
    @Body(new DocumentPipe(DiscardDeadLetters)) which: DiscardDeadLetters,
  ): Promise<DeadLettersSettled> {
    return this.letters.discard(caller, which);
  }
}
