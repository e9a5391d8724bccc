import { NewSchedule, ScheduleChange, type Page, type ScheduleView } from '@mandate/contracts';
import { Describe, Discloses, DocumentPipe, FromCaller, inPath, QueryPipe, schemas, type Caller } from '@mandate/service-host';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { IsInt, Matches, Max, Min, ValidateIf } from 'class-validator';
import { PAGE_LIMITS } from './documents.js';
import { ULID_PIPE } from './id.pipe.js';
import { SchedulesApi } from './schedules-api.js';
import { SCHEDULE, TRIGGERED } from './view-schemas.js';

export class ScheduleQuery {
  @IsInt() @Min(1) @Max(PAGE_LIMITS.max) limit: number = PAGE_LIMITS.default;
  @ValidateIf((_owner, value) => value !== undefined)
  @Matches(/^[0-9A-Z]{26}$/, { message: 'must be the nextCursor of an answer' })
  cursor?: string;
}

const CHANGED = { 204: { description: 'Done', schema: null } };

@Controller('api/delegations/schedules')
export class SchedulesController {
  constructor(private readonly schedules: SchedulesApi) {}

  @Describe({
    summary: 'Ask for a delegation again and again',
    body: NewSchedule,
    answers: { 201: { description: 'It waits for its first time', schema: SCHEDULE } },
  })
  @Post()
  create(@FromCaller() caller: Caller, @Body(new DocumentPipe(NewSchedule)) schedule: NewSchedule): Promise<ScheduleView> {
    return this.schedules.create(caller, schedule);
  }

  @Describe({
    summary: 'Schedules in order of id, without what they ask for',
    query: ScheduleQuery,
    answers: { 200: { description: 'A page', schema: schemas.page(SCHEDULE) } },
  })
  @Get()
  list(@FromCaller() caller: Caller, @Query(new QueryPipe(ScheduleQuery)) query: ScheduleQuery): Promise<Page<ScheduleView>> {
    return this.schedules.list(caller, query);
  }

  @Describe({ summary: 'One schedule', answers: { 200: { description: 'As it is now', schema: SCHEDULE } } })
  @Discloses(inPath('schedule'))
  @Get(':id')
  view(@FromCaller() caller: Caller, @Param('id', ULID_PIPE) id: string): Promise<ScheduleView> {
    return this.schedules.view(caller, id);
  }

  @Describe({ summary: 'Have no times until it is resumed', body: ScheduleChange, bodyOptional: true, answers: CHANGED })
  @Post(':id/pause')
  @HttpCode(204)
  pause(
    @FromCaller() caller: Caller,
    @Param('id', ULID_PIPE) id: string,
    @Body(new DocumentPipe(ScheduleChange, {})) change: ScheduleChange,
  ): Promise<void> {
    return this.schedules.change(caller, id, 'pause', change);
  }

  @Describe({ summary: 'Have times again, from now on', body: ScheduleChange, bodyOptional: true, answers: CHANGED })
  @Post(':id/resume')
  @HttpCode(204)
  resume(
    @FromCaller() caller: Caller,
    @Param('id', ULID_PIPE) id: string,
    @Body(new DocumentPipe(ScheduleChange, {})) change: ScheduleChange,
  ): Promise<void> {
    return this.schedules.change(caller, id, 'resume', change);
  }

  @Describe({ summary: 'Ask now, whatever else runs', answers: { 200: { description: 'The delegation', schema: TRIGGERED } } })
  @Post(':id/trigger')
  @HttpCode(200)
  trigger(@FromCaller() caller: Caller, @Param('id', ULID_PIPE) id: string): Promise<{ delegationId: string }> {
    return this.schedules.trigger(caller, id);
  }

  @Describe({ summary: 'Delete it; what it asked for goes on', answers: CHANGED })
  @Delete(':id')
  @HttpCode(204)
  delete(@FromCaller() caller: Caller, @Param('id', ULID_PIPE) id: string): Promise<void> {
    return this.schedules.change(caller, id, 'delete', {});
  }
}
