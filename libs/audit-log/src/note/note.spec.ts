import { describe, expect, it } from '@jest/globals';
import { generateKeyPairSync, sign } from 'node:crypto';
import { logSigner, ORIGIN, signerNamed } from '../../spec/logs.js';
import { nodeCrypto } from '../../spec/node-crypto.js';
import { concat, fromUtf8, utf8 } from '../bytes.js';
import { openCheckpoint } from '../verify/signed-checkpoint.js';
import { formatCheckpoint, parseCheckpointText } from './checkpoint.js';
import { mlDsaMessage } from './ml-dsa.js';
import { formatNote, formatSignature, parseNote, signNote, verifyNote, withSignatures } from './signed-note.js';
import { formatSignerKey, parseSignerKey, signedText } from './signer-key.js';
import { formatVerifierKey, noteVerifier, noteVerifiers, parseVerifierKey, timestamped, verifierKey } from './verifier-key.js';

/** Of the tests of golang.org/x/mod/sumdb/note. */
const PETER = {
  vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  skey: 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz',
  note:
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
    '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
};
const peter = noteVerifiers(nodeCrypto, [PETER.vkey]);

const parsed = (text: string) => parseNote(utf8(text))!;

describe('a signed note', () => {
  it('of another implementation is verified, and signed alike', () => {
    const note = parsed(PETER.note);
    expect(verifyNote(note, peter).ok).toBe(true);
    expect(formatNote(note)).toBe(PETER.note);
    expect(signedText(parseSignerKey(nodeCrypto, PETER.skey), note.text)).toBe(PETER.note);
  });

  it.each([
    ['a changed text', PETER.note.replace('answer', 'Answer'), /is wrong/],
    ['another name', PETER.note.replace('\u2014 Peter', '\u2014 Petra'), /no trusted key/],
    ['another key id', PETER.note.replace('x08go', 'x08gp'), /no trusted key/],
  ])('with %s is refused', (_what, text, reason) =>
    expect(verifyNote(parsed(text), peter)).toEqual({ ok: false, reason: expect.stringMatching(reason) }),
  );

  it.each([
    ['no signature', 'text\n\n'],
    ['no blank line', 'text\n\u2014 a AAAAAAA=\n'],
    ['a control character', PETER.note.replace('think', 'th\tink')],
    ['no last newline', PETER.note.trimEnd()],
    ['a name with a plus', PETER.note.replace('PeterNeumann x', 'Peter+Neumann x')],
    ['a signature that is no base64', PETER.note.replace('x08go/', 'x08go_')],
    ['a hyphen for the dash', PETER.note.replace('\u2014', '-')],
  ])('with %s is none', (_what, text) => expect(parseNote(utf8(text))).toBeNull());

  it('that is not UTF-8 is none', () => expect(parseNote(concat([Uint8Array.of(0xff, 0x0a), utf8(PETER.note)]))).toBeNull());

  it('has its text up to the last empty line', () => {
    const text = 'one\n\ntwo\n';
    expect(parsed(`${text}\n${formatSignature(logSigner.sign(text))}`).text).toBe(text);
  });

  it('is refused as a whole when one of two trusted keys signed something else', () => {
    const other = signerNamed('other', 1, 9);
    const note = withSignatures(parsed(PETER.note), [other.sign('another text\n')]);
    expect(verifyNote(note, [...peter, noteVerifier(nodeCrypto, other.key)]).ok).toBe(false);
    expect(verifyNote(note, peter).ok).toBe(true);
  });
});

describe('a verifier key', () => {
  it('is written as it was read', () => expect(formatVerifierKey(parseVerifierKey(nodeCrypto.sha256, PETER.vkey))).toBe(PETER.vkey));

  it.each([
    ['PeterNeumann', /form/],
    [PETER.vkey.replace('c74f20a3', 'c74f20a4'), /another key/],
    [PETER.vkey.replace('+AR', '+CR'), /of type 9/],
    [PETER.vkey.slice(0, -4), /bytes/],
  ])('%s is refused', (text, reason) => expect(() => parseVerifierKey(nodeCrypto.sha256, text)).toThrow(reason));

  it('never shows a signing key that it cannot read', () => {
    const secret = PETER.skey.replace('c74f20a3', '00000000');
    expect(() => parseSignerKey(nodeCrypto, secret)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('AYEK') }));
  });
});

describe('a checkpoint', () => {
  const text = formatCheckpoint({ origin: ORIGIN, size: 20852163n, root: Buffer.alloc(32, 1) });
  const trust = { log: [noteVerifier(nodeCrypto, logSigner.key)] };
  const signed = signedText(logSigner, text);

  it('is read back, with its extensions', () => {
    expect(parseCheckpointText(text)).toEqual({ origin: ORIGIN, size: 20852163n, root: new Uint8Array(32).fill(1), extensions: [] });
    expect(parseCheckpointText(`${text}ext\n`)?.extensions).toEqual(['ext']);
  });

  it.each([
    text.replace('20852163', '020852163'),
    text.replace('20852163', '18446744073709551616'),
    text.replace('20852163', '-1'),
    text.replace('AQE=', ''),
    `${text}\n`,
    `\n${text}`,
  ])('is not %j', (bad) => expect(parseCheckpointText(bad)).toBeNull());

  it('counts the witnesses that were asked for', () => {
    const [one, two] = [signerNamed('w1', 4, 1), signerNamed('w2', 4, 2)];
    const witnesses = [one, two].map(({ key }) => noteVerifier(nodeCrypto, key));
    const cosigned = utf8(formatNote(withSignatures(parsed(signed), [one.sign(text, 1_700_000_000n)])));
    expect(openCheckpoint(cosigned, { ...trust, witnesses })).toMatchObject({ check: 'witness', reason: expect.stringMatching('1 of 2') });
    expect(openCheckpoint(cosigned, { ...trust, witnesses, quorum: 1 })).toMatchObject({
      signedBy: [{ name: ORIGIN }, { name: 'w1', time: '1700000000' }],
    });
    const late = utf8(
      formatNote(
        withSignatures(parsed(signed), [{ ...one.sign(text, 5n), signature: timestamped(6n, one.sign(text, 5n).signature.slice(8)) }]),
      ),
    );
    expect(openCheckpoint(late, { ...trust, witnesses, quorum: 1 })).toMatchObject({ check: 'witness' });
  });

  it('of another log is refused where one was named', () =>
    expect(openCheckpoint(utf8(signed), { ...trust, origin: 'elsewhere' })).toMatchObject({ check: 'signature' }));

  it('may be signed by ML-DSA-44', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ml-dsa-44');
    const key = verifierKey(
      nodeCrypto.sha256,
      ORIGIN,
      0x06,
      Buffer.from(publicKey.export({ format: 'jwk' })['pub'] as string, 'base64url'),
    );
    const message = mlDsaMessage(ORIGIN, 0n, utf8(text))!;
    const signature = { ...key, signature: timestamped(0n, sign(null, message, privateKey)) };
    const trusted = noteVerifiers(nodeCrypto, [formatVerifierKey(key)]);
    expect(verifyNote({ text, signatures: [signature] }, trusted).ok).toBe(true);
    expect(verifyNote({ text: text.replace('163', '164'), signatures: [signature] }, trusted).ok).toBe(false);
  });
});

it('a signing key is written and read back', () => {
  const seed = Buffer.alloc(32, 3);
  const text = formatSignerKey(nodeCrypto, 'a', 1, seed);
  expect(parseSignerKey(nodeCrypto, text).key).toEqual(verifierKey(nodeCrypto.sha256, 'a', 1, nodeCrypto.publicKey(seed)));
  const signature = signNote('text\n', { name: 'a', keyId: 1, sign: (bytes) => nodeCrypto.sign(seed, bytes) });
  expect(fromUtf8(utf8(signature.name))).toBe('a');
});
