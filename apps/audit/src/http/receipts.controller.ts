import { Describe, Discloses, FromCaller, inPath, type Caller } from '@mandate/service-host';
import { Controller, Get, Header, Param } from '@nestjs/common';
import { AuditLog } from './audit-log.js';

@Controller('api/audit/receipts')
export class ReceiptsController {
  constructor(private readonly log: AuditLog) {}

  @Describe({
    summary: 'The receipt of a delegation that has ended',
    description:
      'A self-contained file, signed by the log’s key: what was asked, chosen and rejected, approved, done and spent, with the records that say so and ' +
      'the proof that they are in the log. Verified offline with `mandate audit verify --receipt`.',
    answers: {
      200: {
        description: 'A receipt; docs/audit.md says what is in it',
        schema: { type: 'object', required: ['format', 'statement', 'signature', 'checkpoint', 'evidence'] },
      },
    },
  })
  @Discloses(inPath('delegation', 'delegationId'))
  @Get(':delegationId')
  @Header('content-type', 'application/json; charset=utf-8')
  receipt(@FromCaller() caller: Caller, @Param('delegationId') delegationId: string): Promise<string> {
    return this.log.receipt(caller, delegationId);
  }
}
