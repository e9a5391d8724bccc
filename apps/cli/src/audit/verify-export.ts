/** `mandate audit verify --export`: an exported file, its proof and a public key; nothing of it is held in memory but a line and a hash a level. */
import { createReadStream, statSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  ExportVerifier,
  isFailure,
  linesOf,
  parseProofLine,
  type Failure,
  type ProofEnd,
  type ProofEntry,
  type Trust,
} from '@mandate/audit-log';
import { EXPORT_FORMATS, type ExportFormat } from '@mandate/audit-trail';
import { nodeCrypto } from '@mandate/signing';
import { ExportFile, isExported } from './export-file.js';
import { hasher, usage } from './trust.js';
import { checkpointFacts, type Verdict } from './verdict.js';

export const proofFileOf = (file: string): string => `${file}.proof`;

export const ofExport = async (cwd: string, file: string, trust: Trust, proofFile = proofFileOf(file)): Promise<Verdict> => {
  for (const name of [file, proofFile])
    if (!statSync(resolve(cwd, name), { throwIfNoEntry: false })?.isFile())
      throw usage('FILE_UNREADABLE', `cannot read ${name}`, `mandate audit export --out ${file} writes both`);
  return verdictOf(resolve(cwd, file), proofFile, linesOf(createReadStream(resolve(cwd, proofFile))), trust);
};

const verdictOf = async (file: string, proofFile: string, lines: AsyncIterator<string>, trust: Trust): Promise<Verdict> => {
  const first = await lines.next();
  const verifier = ExportVerifier.open(nodeCrypto.sha256, hasher, trust, first.done ? '' : first.value);
  if (isFailure(verifier)) return broken([{ ...verifier, at: proofFile }]);
  const { format } = verifier.what;
  if (!EXPORT_FORMATS.includes(format as ExportFormat))
    return broken([{ check: 'format', at: proofFile, reason: `there is no format ${format}` }]);
  const failure = await compare(verifier, new ExportFile(file, format as ExportFormat), proofFile, lines);
  if (failure) return broken([failure]);
  const { tenant, filter, after, size } = verifier.what;
  const facts = {
    events: verifier.events,
    format,
    tenant,
    filter,
    positions: `${after + 1} to ${size}`,
    complete: verifier.complete,
    ...checkpointFacts(verifier.checkpoint),
  };
  return { verified: 'export', failures: [], facts };
};

const compare = async (
  verifier: ExportVerifier,
  file: ExportFile,
  proofFile: string,
  lines: AsyncIterator<string>,
): Promise<Failure | null> => {
  const headless = await file.head();
  if (headless) return headless;
  for (;;) {
    const next = await lines.next();
    if (next.done) return { check: 'format', at: proofFile, reason: 'its last line is not there' };
    const line = parseProofLine(next.value);
    if (!line) return { check: 'format', at: proofFile, reason: `the line behind event ${verifier.events} is none of a proof` };
    if (isEnd(line)) return (await file.end()) ?? verifier.end(line);
    const exported = await file.next(line);
    if (!isExported(exported)) return exported;
    const failure = verifier.add(line, exported);
    if (failure) return failure;
  }
};

const isEnd = (line: ProofEntry | ProofEnd): line is ProofEnd => 'signature' in line;

const broken = (failures: readonly Failure[]): Verdict => ({ verified: 'export', failures, facts: {} });
