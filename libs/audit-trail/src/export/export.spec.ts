/** What each format makes of a hostile event; the documents of the formats say what must come out. */
import { describe, expect, it } from '@jest/globals';
import { anEvent } from '../../spec/an-event.js';
import { cefEvent } from './cef.js';
import type { ExportFormat } from './exported.js';
import { EXPORTERS } from './exporters.js';
import { ocsfEvent } from './ocsf.js';
import { syslogFrame, syslogMessage } from './syslog.js';

const event = anEvent({
  position: 42,
  action: 'dev.mandate.delegation.denied.v1',
  outcome: 'denied',
  reason: '=cmd|" /C calc"!A0',
  actor: { kind: 'operator', id: 'ann', onBehalfOf: ['board', 'owners'], auth: { method: 'key', session: 's-1' } },
  traceId: '0af7651916cd43dd8448eb211c80319c',
  where: { service: 'delegation-engine', instance: 'engine-1', address: '10.0.0.7' },
  data: { note: 'a=b|c\\d\nüber, "x"' },
});
const write = (format: ExportFormat, canonical = '{"envelope":1}'): string => EXPORTERS[format].line({ event, canonical });

describe('JSON lines', () => {
  it('hold the stored record byte by byte', () =>
    expect(write('jsonl', '{"b":1,"a":[1.0]}')).toBe(
      `{"position":42,"recordedAt":"${event.recordedAt}","leafHash":"${event.leafHash}","record":{"b":1,"a":[1.0]}}\n`,
    ));
});

describe('CSV', () => {
  /** RFC 4180, section 2. */
  const parse = (row: string): string[] =>
    [...row.slice(0, -2).matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell = '']) =>
      cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell,
    );

  it('has a cell for each column, whatever stands in it', () => {
    const names = parse(EXPORTERS.csv.head);
    const cells = parse(write('csv'));
    const row = Object.fromEntries(names.map((name, i) => [name, cells[i]]));
    expect(row).toMatchObject({ position: '42', actor_id: 'ann', on_behalf_of: 'board owners', data: JSON.stringify(event.data) });
    expect(write('csv').endsWith('\r\n')).toBe(true);
  });

  it('never lets a spreadsheet run a cell', () => expect(parse(write('csv'))).toContain(`'${event.reason}`));
});

describe('OCSF', () => {
  it('has what its class API Activity requires', () =>
    expect(ocsfEvent(event)).toMatchObject({
      category_uid: 6,
      class_uid: 6003,
      activity_id: 3,
      type_uid: 600303,
      severity_id: 3,
      status_id: 2,
      status_code: event.reason,
      time: Date.parse(event.occurredAt),
      metadata: { version: '1.3.0', product: { name: 'Mandate' }, uid: event.id, sequence: 42, tenant_uid: 'default' },
      actor: { user: { uid: 'ann', type_id: 1 }, session: { uid: 's-1' } },
      api: { operation: 'denied', service: { name: 'delegation-engine' } },
      src_endpoint: { name: 'engine-1', ip: '10.0.0.7' },
      resources: [{ type: 'delegation', uid: event.resource.id }],
      unmapped: { data: event.data, on_behalf_of: ['board', 'owners'], trace_id: event.traceId },
    }));

  it.each([
    ['dev.mandate.delegation.requested.v1', 600301],
    ['dev.mandate.audit.exported.v1', 600302],
    ['dev.mandate.policy.limitremoved.v1', 600304],
    ['dev.mandate.audit.refused.v1', 600399],
  ])('tells %s by type_uid %i', (action, type) => expect(ocsfEvent(anEvent({ action }))['type_uid']).toBe(type));
});

describe('CEF', () => {
  it('escapes what would end a field', () => {
    const line = cefEvent({ ...event, action: 'a|b\\c.denied.v1' });
    expect(line).toMatch(/^CEF:0\|Mandate\|Mandate\|1\|a\\\|b\\\\c\.denied\.v1\|delegation denied\|7\|rt=\d+ /);
    expect(line).toContain('reason=\\=cmd|" /C calc"!A0 ');
    expect(line).toContain('cs6={"note":"a\\=b|c\\\\\\\\d\\\\nüber');
    expect(line).not.toContain('\n');
  });

  it('goes into a syslog message of facility 13 with its length before it', () => {
    const message = syslogMessage(event);
    expect(message).toMatch(/^<108>1 2026-11-25T12:00:00\.123Z engine-1 delegation-engine - delegation\.denied - CEF:0\|/);
    expect(syslogFrame(message, 10)).toBe(`10 ${message}`);
  });
});
