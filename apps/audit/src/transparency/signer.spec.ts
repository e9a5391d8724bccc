import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { consistencyRanges, noteVerifiers, openCheckpoint, prove, TreeEdge, TreeHasher, tilePath, utf8 } from '@mandate/audit-log';
import { nodeCrypto } from '@mandate/signing';
import { LogSigner, type ProveConsistency, type SignedTree } from './signer.js';

const ORIGIN = 'log.example/one';
const hasher = new TreeHasher(nodeCrypto.sha256);

/** The tree of so many leaves, fewer than 256; `from` on they are others. */
const tree = (size: number, from = Infinity): SignedTree & { prove: ProveConsistency } => {
  const edge = new TreeEdge(hasher);
  for (let i = 0; i < size; i++) edge.append(hasher.leaf(utf8(i < from ? `${i}` : `other ${i}`)));
  const tiles = new Map(edge.partial().map(({ tile, hashes }) => [tilePath(tile), hashes]));
  const read = (tile: { level: number; index: bigint }): Uint8Array => tiles.get(tilePath(tile))!;
  return { size: BigInt(size), root: edge.root(), prove: async (oldSize, end) => prove(hasher, consistencyRanges(oldSize, end), read) };
};

let folder: string;
const open = (): Promise<LogSigner> => LogSigner.open(hasher, folder, ORIGIN);
const sign = async (signer: LogSigner, { prove: proving, ...head }: ReturnType<typeof tree>): Promise<string> => signer.sign(head, proving);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-signer-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the signer', () => {
  it('signs what grows, also after it was killed before anybody saw what it signed last', async () => {
    await sign(await open(), tree(10));
    await sign(await open(), tree(20));
    const signer = await open();
    const text = await sign(signer, tree(33));
    expect(openCheckpoint(utf8(text), { log: noteVerifiers(nodeCrypto, [signer.vkey]), origin: ORIGIN })).toMatchObject({ size: 33n });
    expect((await signer.last()).size).toBe(33n);
  });

  it('signs an unchanged tree again with the same text', async () => {
    const signer = await open();
    expect(await sign(signer, tree(10))).toBe(await sign(signer, tree(10)));
  });

  it.each([
    ['a shorter tree', tree(19), /20 were signed: events are gone/],
    ['another tree of the same size', tree(20, 5), /another tree was signed/],
    ['a longer tree with another past', tree(30, 5), /does not grow/],
    ['a longer tree whose last signed leaf is another', tree(30, 19), /does not grow/],
  ])('refuses %s, and forgets nothing', async (_what, other, says) => {
    await sign(await open(), tree(20));
    const signer = await open();
    await expect(sign(signer, other)).rejects.toMatchObject({ code: 'LOG_INCONSISTENT', message: expect.stringMatching(says) });
    expect((await signer.last()).size).toBe(20n);
    await expect(sign(signer, tree(40))).resolves.toContain('\n40\n');
  });

  it('signs nothing when its memory is gone, changed, or signed by another key', async () => {
    const signer = await open();
    await sign(signer, tree(20));
    const memory = join(folder, 'signed');
    const kept = readFileSync(memory, 'utf8');
    const stolen = mkdtempSync(join(folder, 'other-'));
    const foreign = await LogSigner.open(hasher, stolen, ORIGIN);
    for (const text of [null, '', kept.replace('\n20\n', '\n10\n'), await sign(foreign, tree(10))]) {
      if (text === null) rmSync(memory);
      else writeFileSync(memory, text);
      await expect(sign(await open(), tree(30))).rejects.toMatchObject({ code: 'SIGNER_MEMORY_LOST' });
    }
    writeFileSync(memory, kept);
    await expect(sign(await open(), tree(30))).resolves.toContain('\n30\n');
  });

  it('has one key, whichever of several processes that start together makes it', async () => {
    const state = join(folder, 'state', 'signing');
    for (let round = 0; round < 5; round++) {
      const own = join(state, `${round}`);
      const signers = await Promise.all(Array.from({ length: 4 }, () => LogSigner.open(hasher, own, ORIGIN)));
      expect(new Set(signers.map(({ vkey }) => vkey)).size).toBe(1);
      for (const signer of signers) expect((await signer.last()).size).toBe(0n);
    }
    expect(readdirSync(state)).toHaveLength(5);
  });

  it('makes no key in a folder that lost its own', async () => {
    await open();
    rmSync(join(folder, 'log.key'));
    await expect(open()).rejects.toMatchObject({ code: 'BAD_SIGNER_KEY' });
  });

  it('keeps its key under the name that it was made with', async () => {
    const { vkey } = await open();
    expect((await LogSigner.open(hasher, folder, 'another/name')).vkey).toBe(vkey);
    expect(readFileSync(join(folder, 'log.vkey'), 'utf8').trim()).toBe(vkey);
  });
});
