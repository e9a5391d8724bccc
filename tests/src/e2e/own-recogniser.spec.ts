/** A model that an operator trained and signed reads the requests of whom it was trained for; one that is not in order keeps the engine from starting. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { encodeModel, type ModelHeader } from '@mandate/recognition';
import { shippedDigest, shippedModel, signatureOf, vkeyOf } from '@mandate/recognition-model';
import { startWorld, type World } from '@mandate/testing';
import { PlainRequester } from './plain-requester.js';
import { PlainWorker } from './plain-worker.js';
import { startEngine } from './start-engine.js';

const { privateKey } = generateKeyPairSync('ed25519');
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const vkey = vkeyOf(key);
const masterKey = randomBytes(32).toString('hex');

let world: World;
let folder: string;

beforeAll(async () => {
  world = await startWorld();
  folder = await mkdtemp(join(tmpdir(), 'own-recogniser-'));
}, 60_000);
afterAll(async () => {
  await world.stop();
  await rm(folder, { recursive: true });
});

/** The shipped model under another header, signed with a key of this spec. */
const signed = async (name: string, more: Partial<ModelHeader>): Promise<{ file: string; digest: string }> => {
  const { header, ...parts } = shippedModel();
  const bytes = encodeModel({ ...parts, header: { ...header, version: 'own', ...more } });
  const file = join(folder, `${name}.bin`);
  await writeFile(file, bytes);
  await writeFile(join(folder, `${name}.sig`), `${signatureOf(bytes, key)}\n`);
  return { file, digest: createHash('sha256').update(bytes).digest('hex') };
};

const answeredBy = async (file: string): Promise<unknown> => {
  const engine = await startEngine(world, { masterKey, recogniser: { file, vkey } });
  const requester = await PlainRequester.connect(world.nats.url);
  const worker = await PlainWorker.start(requester.connection, {
    capabilities: [{ name: 'find-flight', description: 'Finds the cheapest flight and books it' }],
    // Nothing ends, so nothing is learnt meanwhile.
    work: () => undefined,
  });
  try {
    const { id } = await requester.ask({ goal: 'Find the cheapest flight to Rome and book it' });
    return (await requester.event(id, 'recognised')).data['digest'];
  } finally {
    worker.stop();
    await requester.close();
    await engine.stop();
  }
};

it('answers with it and records its digest', async () => {
  const { file, digest } = await signed('everybody', {});
  expect(digest).not.toBe(shippedDigest());
  expect(await answeredBy(file)).toBe(digest);
}, 60_000);

it("answers with one tenant's model that tenant only", async () => {
  const own = await signed('own', { tenant: 'default' });
  expect(await answeredBy(own.file)).toBe(own.digest);
  const anothers = await signed('another', { tenant: 'another' });
  expect(await answeredBy(anothers.file)).toBe(shippedDigest());
}, 60_000);

it.each([
  ['a changed model', 'UNSIGNED_MODEL', 'is not signed with the key', { change: true }],
  [
    "another's key",
    'UNSIGNED_MODEL',
    'is not signed with the key',
    { vkey: vkeyOf(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string) },
  ],
  ['no model', 'BAD_MODEL', 'cannot be read', { missing: true }],
  ['a key that is none', 'CONFIG_INVALID', 'Ed25519 public key', { vkey: 'bm90IGEga2V5' }],
] as const)('does not start with %s', async (_, code, message, how: { change?: boolean; missing?: boolean; vkey?: string }) => {
  const { file } = await signed('bad', {});
  if (how.change) await writeFile(file, Buffer.from('another'));
  const recogniser = { file: how.missing ? join(folder, 'nowhere.bin') : file, vkey: how.vkey ?? vkey };
  const refused = { code, message: expect.stringContaining(message) as unknown };
  await expect(startEngine(world, { masterKey, recogniser })).rejects.toMatchObject(refused);
});
