import { ErasureRequest, type ErasurePreview, type ErasureView, type Page } from '@mandate/contracts';
import { Describe, Discloses, DocumentPipe, FromCaller, QueryPipe, schemas, type Caller } from '@mandate/service-host';
import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { PageQuery } from './documents.js';
import { ErasureApi } from './erasure-api.js';
import { ERASURE, ERASURE_PREVIEW } from './view-schemas.js';

@Controller('api/audit/erasures')
export class ErasuresController {
  constructor(private readonly erasures: ErasureApi) {}

  @Describe({
    summary: 'Make the data of a person, or of one delegation, unreadable for good',
    description: 'Destroys keys; no event changes and every proof stays valid. Delegations that still run have to be cancelled first.',
    body: ErasureRequest,
    answers: { 200: { description: 'Erased', schema: ERASURE } },
  })
  @Post()
  @HttpCode(200)
  erase(@FromCaller() caller: Caller, @Body(new DocumentPipe(ErasureRequest)) request: ErasureRequest): Promise<ErasureView> {
    return this.erasures.erase(caller, request);
  }

  @Describe({
    summary: 'What an erasure would reach',
    body: ErasureRequest,
    answers: { 200: { description: 'Nothing is changed', schema: ERASURE_PREVIEW } },
  })
  @Discloses()
  @Post('preview')
  @HttpCode(200)
  preview(@FromCaller() caller: Caller, @Body(new DocumentPipe(ErasureRequest)) request: ErasureRequest): Promise<ErasurePreview> {
    return this.erasures.preview(caller, request);
  }

  @Describe({
    summary: 'Erasures, oldest first',
    query: PageQuery,
    answers: { 200: { description: 'A page', schema: schemas.page(ERASURE) } },
  })
  @Get()
  list(@FromCaller() caller: Caller, @Query(new QueryPipe(PageQuery)) query: PageQuery): Promise<Page<ErasureView>> {
    return this.erasures.list(caller, query);
  }
}
