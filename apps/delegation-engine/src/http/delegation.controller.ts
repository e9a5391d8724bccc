import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  DelegationRequest,
  isFinal,
  parseJson,
  type Acknowledgement,
  type DelegationCommand,
  type DelegationListItem,
  type DelegationView,
  type EventView,
  type ExplanationView,
  type Page,
  type RebuildView,
} from '@mandate/contracts';
import { isUlid, ulid } from '@mandate/kernel';
import {
  beforeDisclosing,
  Describe,
  Discloses,
  DocumentPipe,
  FromCaller,
  inPath,
  QueryPipe,
  schemas,
  type Caller,
} from '@mandate/service-host';
import { Body, Controller, Get, Header, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { DelegationApi } from './delegation-api.js';
import { DelegationListQuery, EventListQuery, FeedbackBody, SteeringBody } from './documents.js';
import { EVENT_STREAM, resumeAfter, streamEvents, wantsEventStream } from './event-feed.js';
import { NAME_PIPE, ULID_PIPE } from './id.pipe.js';
import { ACKNOWLEDGEMENT, DELEGATION, EVENT, EXPLANATION, LIST_ITEM, REBUILD } from './view-schemas.js';

const newId = (): string => ulid(Date.now(), randomBytes(10));

/** The id that a request brings; null also for one that cannot be read. */
const idIn = (body: Uint8Array): string | null => {
  try {
    const id = (parseJson(body) as { id?: unknown } | null)?.id;
    return typeof id === 'string' && isUlid(id) ? id : null;
  } catch {
    return null;
  }
};

const OF_DELEGATION = inPath('delegation');
const ACKNOWLEDGED = { 200: { description: 'Its state now', schema: ACKNOWLEDGEMENT } };

@Controller('api/delegations')
export class DelegationController {
  constructor(private readonly delegations: DelegationApi) {}

  @Describe({
    summary: 'Ask for something to be done',
    description: 'The same id, or the same idempotencyKey of the same principal, starts one delegation for good.',
    body: DelegationRequest,
    answers: { 201: { description: 'Stored; Location names it', schema: ACKNOWLEDGEMENT } },
  })
  @Post()
  async request(
    @FromCaller() caller: Caller,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<Acknowledgement> {
    const bytes = body instanceof Uint8Array ? body : new Uint8Array();
    const acknowledgement = await this.delegations.request(caller, idIn(bytes) ?? newId(), bytes);
    response.setHeader('location', `/api/delegations/${acknowledgement.id}`);
    return acknowledgement;
  }

  @Describe({
    summary: 'List delegations, newest first',
    description: 'q finds the beginning of an id, or a principal. Goals are encrypted at rest and cannot be searched.',
    query: DelegationListQuery,
    answers: { 200: { description: 'A page', schema: schemas.page(LIST_ITEM) } },
  })
  @Get()
  list(
    @FromCaller() caller: Caller,
    @Query(new QueryPipe(DelegationListQuery)) query: DelegationListQuery,
  ): Promise<Page<DelegationListItem>> {
    return this.delegations.list(caller, query);
  }

  @Describe({
    summary: 'Make the list anew from the log',
    description: 'Beside the one that answers meanwhile, which it then replaces at once. Recorded as an event.',
    answers: { 200: { description: 'Made', schema: REBUILD } },
  })
  @Post('rebuild')
  @HttpCode(200)
  rebuild(@FromCaller() caller: Caller): Promise<RebuildView> {
    return this.delegations.rebuild(caller);
  }

  @Describe({ summary: 'One delegation with its steps', answers: { 200: { description: 'As it is now', schema: DELEGATION } } })
  @Discloses(OF_DELEGATION)
  @Get(':id')
  view(@FromCaller() caller: Caller, @Param('id', ULID_PIPE) id: string): Promise<DelegationView> {
    return this.delegations.view(caller, id);
  }

  @Describe({
    summary: 'What happened to a delegation',
    description:
      `With \`Accept: ${EVENT_STREAM}\` also what happens from now on, until it has ended: the id is the position, Last-Event-ID goes on after it. ` +
      '204: it has ended, and there is nothing after that.',
    query: EventListQuery,
    answers: {
      200: { description: 'Events, oldest first', schema: schemas.page(EVENT), contentTypes: ['application/json', EVENT_STREAM] },
    },
  })
  @Discloses(OF_DELEGATION)
  @Get(':id/events')
  events(
    @FromCaller() caller: Caller,
    @Param('id', ULID_PIPE) id: string,
    @Query(new QueryPipe(EventListQuery)) query: EventListQuery,
    @Req() request: IncomingMessage,
    @Res() response: ServerResponse,
  ): Promise<void> {
    return wantsEventStream(request)
      ? this.followEvents(caller, id, resumeAfter(request, query.after), request, response)
      : this.listEvents(caller, id, query, request, response);
  }

  @Describe({
    summary: 'Why it was read and planned as it was',
    description: 'From what was recorded, and from the very model that answered.',
    answers: { 200: { description: 'Clauses, rule, features, plan', schema: EXPLANATION } },
  })
  @Discloses(OF_DELEGATION)
  @Get(':id/explanation')
  explanation(@FromCaller() caller: Caller, @Param('id', ULID_PIPE) id: string): Promise<ExplanationView> {
    return this.delegations.explanation(caller, id);
  }

  @Describe({ summary: 'One event with its personal fields', answers: { 200: { description: 'The event', schema: EVENT } } })
  @Discloses(OF_DELEGATION)
  @Get(':id/events/:eventId')
  event(
    @FromCaller() caller: Caller,
    @Param('id', ULID_PIPE) id: string,
    @Param('eventId', ULID_PIPE) eventId: string,
  ): Promise<EventView> {
    return this.delegations.event(caller, id, eventId);
  }

  @Describe({ summary: 'The whole output of a step', answers: { 200: { description: 'Any JSON', schema: {} } } })
  @Discloses(OF_DELEGATION)
  @Get(':id/steps/:stepId/output')
  @Header('content-type', 'application/json; charset=utf-8')
  async output(
    @FromCaller() caller: Caller,
    @Param('id', ULID_PIPE) id: string,
    @Param('stepId', NAME_PIPE) stepId: string,
  ): Promise<string> {
    return JSON.stringify(await this.delegations.output(caller, id, stepId));
  }

  @Describe({ summary: 'Cancel, with all that runs below', body: SteeringBody, bodyOptional: true, answers: ACKNOWLEDGED })
  @Post(':id/cancel')
  @HttpCode(200)
  cancel(
    @FromCaller() caller: Caller,
    @Param('id', ULID_PIPE) id: string,
    @Body(new DocumentPipe(SteeringBody, {})) body: SteeringBody,
  ): Promise<Acknowledgement> {
    return this.steer(caller, id, 'cancel', body);
  }

  @Describe({ summary: 'Approve the plan, or the step named', body: SteeringBody, bodyOptional: true, answers: ACKNOWLEDGED })
  @Post(':id/approve')
  @HttpCode(200)
  approve(
    @FromCaller() caller: Caller,
    @Param('id', ULID_PIPE) id: string,
    @Body(new DocumentPipe(SteeringBody, {})) body: SteeringBody,
  ): Promise<Acknowledgement> {
    return this.steer(caller, id, 'approve', body);
  }

  @Describe({ summary: 'Deny the plan, or the step named', body: SteeringBody, bodyOptional: true, answers: ACKNOWLEDGED })
  @Post(':id/deny')
  @HttpCode(200)
  deny(
    @FromCaller() caller: Caller,
    @Param('id', ULID_PIPE) id: string,
    @Body(new DocumentPipe(SteeringBody, {})) body: SteeringBody,
  ): Promise<Acknowledgement> {
    return this.steer(caller, id, 'deny', body);
  }

  @Describe({ summary: "Answer a step's question", body: SteeringBody, answers: ACKNOWLEDGED })
  @Post(':id/answer')
  @HttpCode(200)
  answer(
    @FromCaller() caller: Caller,
    @Param('id', ULID_PIPE) id: string,
    @Body(new DocumentPipe(SteeringBody)) body: SteeringBody,
  ): Promise<Acknowledgement> {
    return this.steer(caller, id, 'answer', body);
  }

  @Describe({
    summary: 'Say which pattern the request really asked for',
    description: "Recorded as an event, also after the end; the tenant's recogniser learns from it. It changes nothing of the delegation.",
    body: FeedbackBody,
    answers: ACKNOWLEDGED,
  })
  @Post(':id/feedback')
  @HttpCode(200)
  feedback(
    @FromCaller() caller: Caller,
    @Param('id', ULID_PIPE) id: string,
    @Body(new DocumentPipe(FeedbackBody)) body: FeedbackBody,
  ): Promise<Acknowledgement> {
    return this.steer(caller, id, 'feedback', body);
  }

  private steer(caller: Caller, id: string, type: DelegationCommand['type'], body: SteeringBody | FeedbackBody): Promise<Acknowledgement> {
    return this.delegations.command(caller, id, { ...body, commandId: body.commandId ?? newId(), type });
  }

  private async listEvents(
    caller: Caller,
    id: string,
    { after, cursor, limit }: EventListQuery,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const found = await this.delegations.events(caller, id, Number(cursor ?? after ?? 0), limit + 1);
    const items = found.slice(0, limit);
    const nextCursor = found.length > limit ? String(items.at(-1)?.position) : null;
    await beforeDisclosing(request);
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify({ items, nextCursor }));
  }

  /**
   * Asks for one event first, so that an unknown delegation is a 404 and not an empty stream. Who has seen all of one that has ended is told
   * so (204): a browser's EventSource would ask again every two seconds for ever.
   */
  private async followEvents(caller: Caller, id: string, after: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seenAll = async (): Promise<boolean> => (await this.delegations.events(caller, id, after, 1)).length === 0;
    const hasEnded = async (): Promise<boolean> => isFinal((await this.delegations.view(caller, id)).state);
    // Once more behind the end: its last events may have come between the two questions.
    const isOver = (await seenAll()) && (await hasEnded()) && (await seenAll());
    await beforeDisclosing(request);
    if (isOver) {
      response.writeHead(204).end();
      return;
    }
    await streamEvents(response, (signal) => this.delegations.follow(caller, id, after, signal));
  }
}
