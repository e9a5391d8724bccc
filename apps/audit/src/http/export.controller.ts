import type { ServerResponse } from 'node:http';
import { EXPORTERS } from '@mandate/audit-trail';
import { Describe, DisclosesNothing, FromCaller, QueryPipe, type Caller } from '@mandate/service-host';
import { Controller, Get, Query, Res } from '@nestjs/common';
import { AuditExports } from './audit-search.js';
import { ExportProofQuery, ExportQuery } from './documents.js';
import { streamText } from './stream-text.js';

const CONTENT_TYPES = [...new Set(Object.values(EXPORTERS).map(({ contentType }) => contentType))];

const PROOF = 'application/x-ndjson';

@Controller('api/audit/export')
export class ExportController {
  constructor(private readonly exports: AuditExports) {}

  @Describe({
    summary: 'Export the audit trail, oldest first',
    description:
      'Recorded as an event before the first line. The headers Mandate-Log-Source, -Size and -Root say which log it is of, how long that was and what ' +
      'its Merkle root was; a checkpoint of that size or a later one proves it.',
    query: ExportQuery,
    answers: { 200: { description: 'As the format says, until the end of the log', schema: {}, contentTypes: CONTENT_TYPES } },
  })
  @DisclosesNothing('recorded by itself')
  @Get()
  async export(
    @FromCaller() caller: Caller,
    @Query(new QueryPipe(ExportQuery)) query: ExportQuery,
    @Res() response: ServerResponse,
  ): Promise<void> {
    const { head, text } = await this.exports.begin(caller, query);
    const headers = {
      'content-type': EXPORTERS[query.format].contentType,
      'mandate-log-source': head.source,
      'mandate-log-size': head.size,
      'mandate-log-root': head.root,
    };
    await streamText(response, headers, text);
  }

  @Describe({
    summary: 'The proof of an export, to be verified offline',
    description:
      'JSON lines beside those of the export with the same filter, format and `after`; `size` is what its answer said in Mandate-Log-Size. Each event’s leaf ' +
      'with the subtrees in between, a signed checkpoint, and the log’s signature over what was exported. For other formats than jsonl the proof ' +
      'holds the stored records, from which the export’s lines follow. Recorded as an event.',
    query: ExportProofQuery,
    answers: { 200: { description: 'As `mandate audit verify --export` reads it', schema: {}, contentTypes: [PROOF] } },
  })
  @DisclosesNothing('recorded by itself')
  @Get('proof')
  async proof(
    @FromCaller() caller: Caller,
    @Query(new QueryPipe(ExportProofQuery)) query: ExportProofQuery,
    @Res() response: ServerResponse,
  ): Promise<void> {
    await streamText(response, { 'content-type': PROOF }, await this.exports.proof(caller, query));
  }
}
