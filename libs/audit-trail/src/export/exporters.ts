import { cef } from './cef.js';
import { csv } from './csv.js';
import type { Exporter, ExportFormat } from './exported.js';
import { jsonLines } from './json-lines.js';
import { ocsf } from './ocsf.js';
import { syslog } from './syslog.js';

export const EXPORTERS: Readonly<Record<ExportFormat, Exporter>> = { jsonl: jsonLines, csv, ocsf, cef, syslog };
