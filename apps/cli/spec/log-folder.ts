/** A log on disk as another implementation would leave it, and a proof file of one of its entries. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  bundlePath,
  formatBundle,
  formatCheckpoint,
  formatSignerKey,
  formatTlogProof,
  formatVerifierKey,
  inclusionRanges,
  parseSignerKey,
  prove,
  signedText,
  tilePath,
  TreeEdge,
  TreeHasher,
  utf8,
} from '@mandate/audit-log';
import { nodeCrypto } from '@mandate/signing';

const hasher = new TreeHasher(nodeCrypto.sha256);
export const signer = parseSignerKey(nodeCrypto, formatSignerKey(nodeCrypto, 'log.example', 1, Buffer.alloc(32, 5)));
export const vkey = formatVerifierKey(signer.key);

/** `count` entries, at least one, fewer than 65,536; the proof is of the last. */
export const writeLogFolder = (folder: string, count: number): { proof: string } => {
  const files = new Map<string, Uint8Array>();
  const tiles = new Map<string, Uint8Array>();
  const keep = (path: string, name: string, hashes: Uint8Array): void => void (files.set(path, hashes), tiles.set(name, hashes));
  const edge = new TreeEdge(hasher, (tile, hashes) => keep(tilePath(tile), tilePath(tile), hashes));
  const entries = Array.from({ length: count }, (_, i) => utf8(`entry ${i}`));
  for (const entry of entries) edge.append(hasher.leaf(entry));
  for (const { tile, hashes } of edge.partial()) keep(tilePath(tile, hashes.length / 32), tilePath(tile), hashes);
  for (let from = 0; from < count; from += 256) {
    const some = entries.slice(from, from + 256);
    files.set(bundlePath(BigInt(from / 256), some.length), formatBundle(some) as Uint8Array);
  }
  const checkpoint = utf8(signedText(signer, formatCheckpoint({ origin: 'log.example', size: edge.size, root: edge.root() })));
  files.set('checkpoint', checkpoint);
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  const index = BigInt(count - 1);
  const hashes = prove(hasher, inclusionRanges(index, edge.size), (tile) => tiles.get(tilePath(tile)) as Uint8Array);
  const proof = join(folder, 'last.tlog-proof');
  writeFileSync(proof, formatTlogProof({ extra: entries[count - 1] as Uint8Array, index, proof: hashes, checkpoint }));
  return { proof };
};
