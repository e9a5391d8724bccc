import { concat, fromUtf8, uint64, utf8 } from '../bytes.js';
import { parseCheckpointText } from './checkpoint.js';

const vector = (text: string): Uint8Array | null => {
  const bytes = utf8(text);
  return bytes.length === 0 || bytes.length > 0xff ? null : concat([Uint8Array.of(bytes.length), bytes]);
};

/** What an ML-DSA-44 cosigner signs of a checkpoint (c2sp.org/tlog-cosignature, `cosigned_message`); null when the text is none. */
export const mlDsaMessage = (name: string, time: bigint, text: Uint8Array): Uint8Array | null => {
  const checkpoint = parseCheckpointText(fromUtf8(text) ?? '');
  const cosigner = vector(name);
  const origin = checkpoint && vector(checkpoint.origin);
  if (!checkpoint || !cosigner || !origin) return null;
  return concat([utf8('subtree/v1\n\0'), cosigner, uint64(time), origin, uint64(0n), uint64(checkpoint.size), checkpoint.root]);
};
