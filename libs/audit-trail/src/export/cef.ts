/** ArcSight Common Event Format, version 0 (Implementing CEF, revision 25). */
import type { AuditEventView } from '@mandate/contracts';
import { nameOf } from './activity.js';
import type { Exporter } from './exported.js';

/** 0 (nothing) to 10. */
const SEVERITIES = { success: 2, failure: 5, denied: 7 } as const;
/** Longest value of a custom string. */
const CUSTOM_LENGTH = 4_000;

const inHeader = (text: string): string =>
  text
    .replaceAll('\\', '\\\\')
    .replaceAll('|', '\\|')
    .replace(/[\r\n]+/g, ' ');
const inExtension = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('=', '\\=').replaceAll('\r', '\\r').replaceAll('\n', '\\n');

const extensionOf = (event: AuditEventView): [key: string, value: string | number | undefined][] => [
  ['rt', Date.parse(event.recordedAt)],
  ['start', Date.parse(event.occurredAt)],
  ['externalId', event.id],
  ['cn1Label', 'position'],
  ['cn1', event.position],
  ['act', event.action],
  ['outcome', event.outcome],
  ['reason', event.reason],
  ['suser', event.actor.id],
  ['spriv', event.actor.kind],
  ['dvchost', event.where.instance],
  ['deviceProcessName', event.where.service],
  ['src', event.where.address],
  ['cat', event.resource.type],
  ['cs1Label', 'resource'],
  ['cs1', `${event.resource.type}/${event.resource.id}`],
  ['cs2Label', 'tenant'],
  ['cs2', event.tenant],
  ...optional('cs3', 'onBehalfOf', event.actor.onBehalfOf?.join(' ')),
  ...optional('cs4', 'traceId', event.traceId),
  ['cs5Label', 'leafHash'],
  ['cs5', event.leafHash],
  ['cs6Label', 'data'],
  ['cs6', JSON.stringify(event.data).slice(0, CUSTOM_LENGTH)],
];

const optional = (key: string, label: string, value: string | undefined): [string, string][] =>
  value === undefined
    ? []
    : [
        [`${key}Label`, label],
        [key, value],
      ];

export const cefEvent = (event: AuditEventView): string => {
  const extension = extensionOf(event).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${inExtension(String(value))}`]));
  return `CEF:0|Mandate|Mandate|1|${inHeader(event.action)}|${inHeader(`${event.resource.type} ${nameOf(event.action)}`)}|${SEVERITIES[event.outcome]}|${extension.join(' ')}`;
};

export const cef: Exporter = { contentType: 'text/plain; charset=utf-8', head: '', line: ({ event }) => `${cefEvent(event)}\n` };
