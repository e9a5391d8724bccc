/** Proofs over the tiles of the tree. */
import {
  consistencyRanges,
  formatTlogProof,
  inclusionRanges,
  parseCheckpointText,
  parseNote,
  prove,
  tilesOf,
  utf8,
  type Range,
  type TreeHasher,
} from '@mandate/audit-log';
import type { Database, Row } from '@mandate/event-store';
import { AppError, isUlid } from '@mandate/kernel';
import type { TreeHead, TreeStore } from './tree-store.js';

export interface SignedHead {
  /** The signed note. */
  text: string;
  size: bigint;
}

/** Where events stand by their ids: positions to look at, and how far it has come. */
export interface EventIndex {
  places(id: string): Promise<{ positions: number[]; indexedTo: number }>;
}

export interface Inclusion {
  /** From 0. */
  index: bigint;
  proof: Uint8Array[];
}

const BY_POSITION = {
  name: 'audit_entry',
  text: 'SELECT position, canonical FROM es.event WHERE log_id = 1 AND position = $1::bigint AND tenant = $2',
};
const AT_POSITIONS = {
  name: 'audit_entries_at',
  text: 'SELECT position, canonical FROM es.event WHERE log_id = 1 AND position = ANY ($1::bigint[]) AND tenant = $2',
};
/** What is not indexed yet is looked through. */
const WITH_TEXT = {
  name: 'audit_entry_with_text',
  text: `SELECT position, canonical FROM es.event
          WHERE log_id = 1 AND position > $1::bigint AND tenant = $2 AND position($3::bytea IN canonical) > 0`,
};
const ENTRIES = {
  name: 'audit_entries',
  text: 'SELECT canonical FROM es.event WHERE log_id = 1 AND position BETWEEN $1::bigint AND $2::bigint ORDER BY position',
};

export class LogProofs {
  constructor(
    private readonly hasher: TreeHasher,
    private readonly store: TreeStore,
    private readonly database: Database,
    private readonly index: EventIndex,
  ) {}

  /** The last signed head; one that the witnesses signed where that reaches `position`. Throws AppError `NOT_SIGNED_YET`. */
  async signedHead(position = 0n): Promise<SignedHead> {
    return headOver(position, await this.store.head());
  }

  async consistency(oldSize: bigint, size: bigint): Promise<Uint8Array[]> {
    if (oldSize === 0n)
      throw new AppError('BAD_SIZE', 'invalid', 'every tree is consistent with the empty one: there is nothing to prove from size 0');
    if (oldSize > size) throw new AppError('BAD_SIZE', 'invalid', `the tree of ${oldSize} is not older than that of ${size}`);
    return this.hashes(consistencyRanges(oldSize, size));
  }

  /** One of each position, their tiles fetched at once. */
  async inclusions(positions: readonly bigint[], size: bigint): Promise<Inclusion[]> {
    const ranges = positions.map((position) => inclusionRanges(position - 1n, size));
    const read = await this.store.tiles(tilesOf(ranges.flat()));
    return ranges.map((some, i) => ({ index: (positions[i] as bigint) - 1n, proof: prove(this.hasher, some, read) }));
  }

  /** The proof file of an event of the tenant, by its id or position. Throws AppError `NOT_FOUND`, `NOT_SIGNED_YET`. */
  async proofFile(tenant: string, event: string): Promise<string> {
    const [{ position, canonical }, head] = await Promise.all([this.find(tenant, event), this.store.head()]);
    const { text, size } = headOver(position, head);
    const [inclusion] = (await this.inclusions([position], size)) as [Inclusion];
    return formatTlogProof({ extra: canonical, ...inclusion, checkpoint: utf8(text) });
  }

  /** The canonical bytes from one position to another, in order. */
  async entries(first: number, last: number): Promise<Buffer[]> {
    return (await this.database.query(ENTRIES, [first, last])).map((row) => row['canonical'] as Buffer);
  }

  private async find(tenant: string, event: string): Promise<Entry> {
    const entry = isUlid(event) ? await this.withId(tenant, event) : await this.atPosition(tenant, event);
    if (entry) return entry;
    throw new AppError(
      'NOT_FOUND',
      'not-found',
      `no event ${event} in this tenant; one that was just recorded can be proved after a second`,
    );
  }

  private async atPosition(tenant: string, position: string): Promise<Entry | undefined> {
    if (!/^[1-9]\d{0,14}$/.test(position)) return undefined;
    return (await this.database.query(BY_POSITION, [position, tenant])).map(entryOf)[0];
  }

  private async withId(tenant: string, id: string): Promise<Entry | undefined> {
    const { positions, indexedTo } = await this.index.places(id);
    const found = positions.length > 0 ? await this.database.query(AT_POSITIONS, [positions, tenant]) : [];
    const isIt = ({ canonical }: Entry): boolean => idOf(canonical) === id;
    return (
      found.map(entryOf).find(isIt) ??
      (await this.database.query(WITH_TEXT, [indexedTo, tenant, Buffer.from(`"id":"${id}"`)])).map(entryOf).find(isIt)
    );
  }

  /** Of each range, which has to be a subtree of a tree that was signed. */
  async hashes(ranges: readonly Range[]): Promise<Uint8Array[]> {
    return prove(this.hasher, ranges, await this.store.tiles(tilesOf(ranges)));
  }
}

const headOver = (position: bigint, { checkpoint, cosigned }: TreeHead): SignedHead => {
  for (const text of [cosigned, checkpoint]) {
    const size = text === null ? undefined : parseCheckpointText(parseNote(utf8(text))?.text ?? '')?.size;
    if (text !== null && size !== undefined && size >= position) return { text, size };
  }
  throw new AppError('NOT_SIGNED_YET', 'unavailable', 'the log’s head is signed every second: try again');
};

interface Entry {
  position: bigint;
  canonical: Buffer;
}

const entryOf = (row: Row): Entry => ({ position: BigInt(row['position'] as string), canonical: row['canonical'] as Buffer });

const idOf = (canonical: Buffer): string => (JSON.parse(canonical.toString('utf8')) as { id: string }).id;
