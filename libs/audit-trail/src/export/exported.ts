/** One event of the trail on its way out. */
import type { AuditEventView } from '@mandate/contracts';

export interface ExportedEvent {
  event: AuditEventView;
  /** RFC 8785 JSON of the stored record: its SHA-256 behind a zero byte is the leaf hash. */
  canonical: string;
}

export const EXPORT_FORMATS = ['jsonl', 'csv', 'ocsf', 'cef', 'syslog'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface Exporter {
  contentType: string;
  /** What stands before the first event. */
  head: string;
  /** One event with its line end. */
  line(exported: ExportedEvent): string;
}
