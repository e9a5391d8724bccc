/** Asks witnesses to cosign the log's head (c2sp.org/tlog-witness). Each keeps its own memory; ours of theirs is a hint that they correct. */
import {
  formatAddCheckpoint,
  formatNote,
  noteVerifier,
  parseDecimal,
  parseNote,
  parseSignatureLines,
  parseVerifierKey,
  utf8,
  verifyNote,
  withSignatures,
  type Note,
  type NoteSignature,
  type NoteVerifier,
} from '@mandate/audit-log';
import { AppError } from '@mandate/kernel';
import type { Logger } from '@mandate/service-host';
import { nodeCrypto } from '@mandate/signing';
import type { ProveConsistency } from './signer.js';

export interface WitnessAddress {
  /** `name+id+key`, of a cosignature key. */
  vkey: string;
  /** What `/add-checkpoint` is below. */
  url: string;
}

const TIMEOUT_MS = 5_000;
/** A witness that has seen another size says which, once. */
const ATTEMPTS = 2;

export class Witnesses {
  private readonly all: { verifier: NoteVerifier; url: URL; seen: bigint }[];

  /** Throws AppError `BAD_VERIFIER_KEY`, `CONFIG_INVALID`. */
  constructor(
    addresses: readonly WitnessAddress[],
    private readonly prove: ProveConsistency,
    private readonly logger: Logger,
  ) {
    this.all = addresses.map(({ vkey, url }) => {
      if (!URL.canParse(url)) throw new AppError('CONFIG_INVALID', 'invalid', `MANDATE_WITNESSES: "${url}" is no address`);
      return {
        verifier: noteVerifier(nodeCrypto, parseVerifierKey(nodeCrypto.sha256, vkey)),
        url: new URL('add-checkpoint', url.endsWith('/') ? url : `${url}/`),
        seen: 0n,
      };
    });
  }

  get count(): number {
    return this.all.length;
  }

  /** The checkpoint with the cosignatures of those who answered, and how many they are. */
  async cosign(checkpoint: string, size: bigint): Promise<{ text: string; count: number }> {
    const note = parseNote(utf8(checkpoint)) as Note;
    const answers = await Promise.all(this.all.map((witness) => this.ask(witness, note, checkpoint, size)));
    const given = answers.filter((answer) => answer !== null);
    return { text: formatNote(withSignatures(note, given)), count: given.length };
  }

  private async ask(
    witness: { verifier: NoteVerifier; url: URL; seen: bigint },
    note: Note,
    checkpoint: string,
    size: bigint,
  ): Promise<NoteSignature | null> {
    try {
      for (let attempt = 1; ; attempt++) {
        const proof = witness.seen > 0n && witness.seen < size ? [...(await this.prove(witness.seen, size))] : [];
        const body = formatAddCheckpoint({ oldSize: witness.seen, proof, checkpoint: utf8(checkpoint) });
        const response = await fetch(witness.url, { method: 'POST', body, signal: AbortSignal.timeout(TIMEOUT_MS) });
        const answer = await response.text();
        if (response.status === 200) {
          witness.seen = size;
          return this.signatureOf(witness.verifier, note, answer);
        }
        const seen = response.status === 409 ? parseDecimal(answer.trim()) : null;
        if (seen === null || seen > size || attempt === ATTEMPTS)
          throw new Error(
            seen !== null && seen > size
              ? `it has seen ${seen} events, and this log has ${size}: events are gone`
              : `it answered ${response.status}`,
          );
        witness.seen = seen;
      }
    } catch (error) {
      this.logger.warn({ witness: witness.verifier.name, error: String(error) }, 'a witness did not cosign');
      return null;
    }
  }

  private signatureOf(verifier: NoteVerifier, { text }: Note, answer: string): NoteSignature {
    const verified = verifyNote({ text, signatures: parseSignatureLines(answer) ?? [] }, [verifier]);
    const signature = verified.ok ? verified.by[0]?.signature : undefined;
    if (!signature) throw new Error('what it answered is not its cosignature');
    return signature;
  }
}
