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

/** Positions where an event may stand, and how far the index has come. */
interface Places {
  positions: number[];
  indexedTo: number;
}

/** Where events stand by their ids. */
export interface EventIndex {
  places(id: string): Promise<Places>;
}

export interface Inclusion {
  /** From 0. */
  index: bigint;
  proof: Uint8Array[];
}

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

const RECENT_MS = 1_000;

export class LogProofs {
  private recent: { head: SignedHead; readAt: number } | null = null;

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
    const places = isUlid(event) ? await this.index.places(event) : placeOf(event);
    // Mostly there is one place and it is the event's: what proves it is fetched beside it. That this failed is told after that there is no such event.
    const [only, another] = places.positions;
    const ahead = only === undefined || another !== undefined ? null : this.provenAt(BigInt(only));
    ahead?.catch(() => undefined);
    const { position, canonical } = await this.find(tenant, event, places);
    const { inclusion, head } = await (ahead && position === BigInt(only as number) ? ahead : this.provenAt(position));
    return formatTlogProof({ extra: canonical, ...inclusion, checkpoint: utf8(head.text) });
  }

  /** The canonical bytes from one position to another, in order. */
  async entries(first: number, last: number): Promise<Buffer[]> {
    return (await this.database.query(ENTRIES, [first, last])).map((row) => row['canonical'] as Buffer);
  }

  private async provenAt(position: bigint): Promise<{ inclusion: Inclusion; head: SignedHead }> {
    const head = await this.recentHead(position);
    const [inclusion] = (await this.inclusions([position], head.size)) as [Inclusion];
    return { inclusion, head };
  }

  /** As `signedHead`, or the one of up to a second ago: a head is signed every second, and proofs to it hold for ever. */
  private async recentHead(position: bigint): Promise<SignedHead> {
    const now = performance.now();
    if (this.recent && now - this.recent.readAt < RECENT_MS && this.recent.head.size >= position) return this.recent.head;
    const head = await this.signedHead(position);
    this.recent = { head, readAt: now };
    return head;
  }

  private async find(tenant: string, event: string, { positions, indexedTo }: Places): Promise<Entry> {
    const isIt = ({ position, canonical }: Entry): boolean => (isUlid(event) ? idOf(canonical) === event : position.toString() === event);
    const found = positions.length > 0 ? await this.database.query(AT_POSITIONS, [positions, tenant]) : [];
    const entry = found.map(entryOf).find(isIt) ?? (isUlid(event) ? await this.unindexed(tenant, event, indexedTo) : undefined);
    if (entry) return entry;
    throw new AppError(
      'NOT_FOUND',
      'not-found',
      `no event ${event} in this tenant; one that was just recorded can be proved after a second`,
    );
  }

  private async unindexed(tenant: string, id: string, indexedTo: number): Promise<Entry | undefined> {
    const rows = await this.database.query(WITH_TEXT, [indexedTo, tenant, Buffer.from(`"id":"${id}"`)]);
    return rows.map(entryOf).find(({ canonical }) => idOf(canonical) === id);
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

/** Of an event that is named by its position. */
const placeOf = (position: string): Places => ({ positions: /^[1-9]\d{0,14}$/.test(position) ? [Number(position)] : [], indexedTo: 0 });

interface Entry {
  position: bigint;
  canonical: Buffer;
}

const entryOf = (row: Row): Entry => ({ position: BigInt(row['position'] as string), canonical: row['canonical'] as Buffer });

const idOf = (canonical: Buffer): string => (JSON.parse(canonical.toString('utf8')) as { id: string }).id;
