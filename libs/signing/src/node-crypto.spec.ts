import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { nodeCrypto, readIfThere, writeDurably } from './index.js';

interface Vector {
  id: number;
  comment: string;
  pk: string;
  msg: string;
  sig: string;
  valid: boolean;
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const vectors = readFileSync(new URL('../fixtures/ed25519.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);

describe('Ed25519', () => {
  it.each(vectors.map((vector) => [`${vector.id} ${vector.comment}`, vector] as const))('Wycheproof %s', (_name, { pk, msg, sig, valid }) =>
    expect(nodeCrypto.verify('ed25519', hex(pk), hex(msg), hex(sig))).toBe(valid),
  );

  it('signs what it verifies; the first test of RFC 8032', () => {
    const seed = hex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
    const publicKey = nodeCrypto.publicKey(seed);
    expect(Buffer.from(publicKey).toString('hex')).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    const signature = nodeCrypto.sign(seed, Buffer.alloc(0));
    expect(Buffer.from(signature).toString('hex')).toMatch(/^e5564300c360ac729086e2cc806e828a/);
    expect(nodeCrypto.verify('ed25519', publicKey, Buffer.alloc(0), signature)).toBe(true);
  });

  it('takes bytes that are no key for a wrong signature', () =>
    expect(nodeCrypto.verify('ed25519', Buffer.alloc(3), Buffer.alloc(0), Buffer.alloc(64))).toBe(false));
});

describe('a durable file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-durable-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is its owner’s alone, and is replaced as a whole', async () => {
    const file = join(folder, 'key');
    expect(await readIfThere(file)).toBeUndefined();
    await writeDurably(file, 'one');
    await writeDurably(file, 'two');
    expect(await readIfThere(file)).toBe('two');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});
