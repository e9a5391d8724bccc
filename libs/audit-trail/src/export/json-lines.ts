import type { Exporter } from './exported.js';

/** The record as it is stored, byte by byte, so that whoever has a line can hash it and prove that it is in the log. */
export const jsonLines: Exporter = {
  contentType: 'application/x-ndjson',
  head: '',
  line: ({ event, canonical }) =>
    `{"position":${event.position},"recordedAt":"${event.recordedAt}","leafHash":"${event.leafHash}","record":${canonical}}\n`,
};
