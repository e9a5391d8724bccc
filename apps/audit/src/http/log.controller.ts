import {
  Describe,
  Discloses,
  DisclosesNothing,
  FromCaller,
  inPath,
  QueryPipe,
  schemas,
  type Asked,
  type Caller,
} from '@mandate/service-host';
import { Controller, Get, Header, Param, Query, StreamableFile } from '@nestjs/common';
import { AuditLog, type ConsistencyProof } from './audit-log.js';
import { ConsistencyQuery } from './documents.js';

const { list, record, text } = schemas;
/** Bundles hold the records of all tenants; other tiles are hashes, and public like the head. Who mirrors the log reads all: how many is enough. */
const bundles = ({ params: { path } }: Asked): string | false =>
  ['entries', 'records'].includes(pathOf(path).split('/', 1)[0] as string) ? 'log/entries' : false;

const pathOf = (path: string | readonly string[] | undefined): string => (typeof path === 'string' ? path : (path ?? []).join('/'));

const TEXT = 'text/plain; charset=utf-8';
const OCTETS = 'application/octet-stream';
const plain = (description: string) => ({ 200: { description, schema: text, contentTypes: ['text/plain'] } });

/** The log as C2SP's tlog-tiles: a prefix, and below it what every such log has. Nothing of it is to be believed without its signature. */
@Controller('api/audit/log')
export class LogController {
  constructor(private readonly log: AuditLog) {}

  @Describe({
    summary: 'The signed head of the log',
    description: 'A C2SP checkpoint, with the witnesses’ cosignatures.',
    answers: plain('A signed note'),
  })
  @DisclosesNothing('public')
  @Get('checkpoint')
  @Header('content-type', TEXT)
  @Header('cache-control', 'no-cache')
  checkpoint(): Promise<string> {
    return this.log.checkpoint();
  }

  @Describe({
    summary: 'The log’s public key',
    description: 'For convenience: an auditor takes the key from elsewhere, and compares.',
    answers: plain('A verifier key'),
  })
  @DisclosesNothing('public')
  @Get('vkey')
  @Header('content-type', TEXT)
  vkey(): string {
    return `${this.log.vkey()}\n`;
  }

  @Describe({
    summary: 'A tile of the tree, or a bundle of entries',
    description:
      'tlog-tiles: `tile/<level>/<index>[.p/<width>]`, `tile/entries/<index>[.p/<width>]`. A bundle with an entry above 65,535 bytes is there as ' +
      '`tile/records/…` only, with lengths of 32 bits.',
    answers: { 200: { description: 'Hashes or entries', schema: { type: 'string', format: 'binary' }, contentTypes: [OCTETS] } },
  })
  @Discloses(bundles)
  @Get('tile/*path')
  @Header('cache-control', 'private, max-age=31536000, immutable')
  async tile(@Param('path') path: string | string[]): Promise<StreamableFile> {
    const { bytes, contentType } = await this.log.file(`tile/${pathOf(path)}`);
    return new StreamableFile(bytes, { type: contentType, length: bytes.length });
  }

  @Describe({
    summary: 'The proof that an event is in the log',
    description: 'A tlog-proof file, by the event’s id or position, with the event’s canonical bytes as its extra data. Verified offline.',
    answers: plain('A tlog-proof file'),
  })
  @Discloses(inPath('event', 'event'))
  @Get('proofs/:event')
  @Header('content-type', TEXT)
  proof(@FromCaller() caller: Caller, @Param('event') event: string): Promise<string> {
    return this.log.proof(caller, event);
  }

  @Describe({
    summary: 'The proof that the log only grew from one size to another',
    query: ConsistencyQuery,
    answers: { 200: { description: 'RFC 6962 hashes, base64', schema: record({ from: text, to: text, proof: list(text) }) } },
  })
  @DisclosesNothing('public')
  @Get('consistency')
  consistency(@Query(new QueryPipe(ConsistencyQuery)) { from, to }: ConsistencyQuery): Promise<ConsistencyProof> {
    return this.log.consistency(from, to);
  }
}
