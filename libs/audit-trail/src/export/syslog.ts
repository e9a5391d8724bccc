/** RFC 5424 messages, framed by counted octets for TCP (RFC 6587, 3.4.1) and TLS (RFC 5425). */
import type { AuditEventView } from '@mandate/contracts';
import { cefEvent } from './cef.js';
import type { Exporter } from './exported.js';

/** Facility "log audit" of RFC 5424, table 1. */
const FACILITY = 13;
const SEVERITIES = { success: 6, failure: 4, denied: 4 } as const;
const NONE = '-';

/** PRINTUSASCII of a limited length; the nil value for nothing. */
const token = (text: string, length: number): string => text.replace(/[^\x21-\x7e]/g, '').slice(0, length) || NONE;

/** With the CEF event as its message; without a frame, as UDP takes it. */
export const syslogMessage = (event: AuditEventView): string => {
  const { where, outcome, recordedAt, action } = event;
  const priority = FACILITY * 8 + SEVERITIES[outcome];
  const name = action.split('.').slice(-3, -1).join('.');
  return `<${priority}>1 ${recordedAt} ${token(where.instance, 255)} ${token(where.service, 48)} ${NONE} ${token(name, 32)} ${NONE} ${cefEvent(event)}`;
};

/** `bytes`: of the message in UTF-8. */
export const syslogFrame = (message: string, bytes: number): string => `${bytes} ${message}`;

/** A message a line: CEF holds no line break. Whoever sends them on frames them. */
export const syslog: Exporter = { contentType: 'text/plain; charset=utf-8', head: '', line: ({ event }) => `${syslogMessage(event)}\n` };
