import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadModel, signatureOf, verifySignature } from './index.js';
import { SHIPPED } from './shipped.js';

const pair = generateKeyPairSync('ed25519');
const { publicKey } = pair;
const bytes = Buffer.from('a model');

describe('signatures of models', () => {
  it('pass unchanged bytes only, under the own key only', () => {
    const signature = signatureOf(bytes, pair.privateKey);
    expect(() => verifySignature(bytes, `${signature}\n`, publicKey)).not.toThrow();
    const refused = expect.objectContaining({ code: 'UNSIGNED_MODEL' }) as unknown as Error;
    expect(() => verifySignature(Buffer.from('another'), signature, publicKey)).toThrow(refused);
    expect(() => verifySignature(bytes, '', publicKey)).toThrow(refused);
    const other = generateKeyPairSync('ed25519').publicKey;
    expect(() => verifySignature(bytes, signature, other)).toThrow(refused);
  });

  it('keep a model that was changed from being loaded', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'model-'));
    const changed = readFileSync(SHIPPED.model);
    changed[changed.length - 1] = (changed[changed.length - 1] as number) ^ 1;
    const model = join(folder, 'changed.bin');
    writeFileSync(model, changed);
    expect(() => loadModel({ ...SHIPPED, model })).toThrow(expect.objectContaining({ code: 'UNSIGNED_MODEL' }) as unknown as Error);
  });
});

describe('the shipped model', () => {
  it('is signed, smaller than 4 MiB, and says what it was trained on, under which licences', () => {
    const { header } = loadModel(SHIPPED);
    expect(readFileSync(SHIPPED.model).length).toBeLessThan(4 * 1024 * 1024);
    expect(header.trainedOn).toMatch(/^[0-9a-f]{64}$/);
    expect(header.provenance.map(({ source }) => source)).toContain('bfcl');
    for (const { licence, requests } of header.provenance) {
      expect(licence).toMatch(/^(MIT|Apache-2\.0)/);
      expect(requests).toBeGreaterThan(0);
    }
  });
});
