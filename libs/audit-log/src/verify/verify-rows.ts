/** Verifies a log as its database holds it: each record against its hash, its row and the signed tree, and the whole against heads kept elsewhere. */
import { fromUtf8, sameBytes } from '../bytes.js';
import { TreeEdge } from '../merkle/tree-edge.js';
import type { TreeHasher } from '../merkle/tree-hasher.js';
import { tileNode } from '../tiles/tile.js';
import type { Failure } from './failure.js';

/** What stands beside the canonical bytes and has to agree with them. */
export interface RowColumns {
  tenant: string;
  streamType: string;
  streamId: string;
  version: number;
  type: string;
  schemaVersion: number;
}

export interface LogRow {
  position: bigint;
  canonical: Uint8Array;
  leafHash: Uint8Array;
  columns: RowColumns;
}

/** An event that retention dropped: what is left of it is its leaf in the signed tree. */
export interface RetiredRow {
  position: bigint;
  leafHash: Uint8Array;
}

/** A head that was kept where the database's administrator cannot reach; its signature has been verified. */
export interface KeptHead {
  /** Where it comes from, for people. */
  name: string;
  size: bigint;
  root: Uint8Array;
}

export interface RowsReport {
  /** Of the events that are there without a gap. */
  size: bigint;
  root: Uint8Array;
  failures: Failure[];
}

const MAX_FAILURES = 20;
const STREAM = ',"stream":{"id":';

export class RowsVerifier {
  private readonly failures: Failure[] = [];
  private readonly heads: KeptHead[];
  private broken = false;

  constructor(
    private readonly hasher: TreeHasher,
    heads: readonly KeptHead[],
    /** What lies before the first row: nothing, or what retention left of the tree. */
    private readonly edge: TreeEdge = new TreeEdge(hasher),
  ) {
    this.heads = heads.toSorted((a, b) => Number(a.size - b.size));
    this.compareHeads();
  }

  /** Rows in the order of their positions. `signed`: the tile of the signed tree whose first leaf is that of `firstOfTile`, as far as there is one. */
  add(rows: readonly (LogRow | RetiredRow)[], signed: Uint8Array | null, firstOfTile: bigint): void {
    for (const row of rows) {
      const { position } = row;
      if (!('canonical' in row)) {
        this.grow(position, row.leafHash);
        continue;
      }
      const hash = this.hasher.leaf(row.canonical);
      if (!sameBytes(hash, row.leafHash)) this.fail('entry', position, 'the record does not hash to the leaf beside it');
      const known = signed && tileNode(signed, Number(position - firstOfTile));
      if (known && known.length > 0 && !sameBytes(hash, known))
        this.fail('tile', position, 'the record is another than the one in the tree that was signed');
      const differs = differingColumn(row);
      if (differs) this.fail('entry', position, `its row says another ${differs} than the record`);
      this.grow(position, hash);
    }
  }

  finish(head: { size: bigint; root: Uint8Array }): RowsReport {
    const { size } = this.edge;
    for (const { name, size: signed } of this.heads)
      if (!this.broken)
        this.fail('consistency', size + 1n, `${signed} events were signed and ${size} are there: ${signed - size} are gone`, name);
    if (!this.broken && head.size !== size)
      this.fail('presence', size + 1n, `the head of the log says ${head.size} events, and ${size} are there`, 'es.log');
    if (!this.broken && head.size === size && !sameBytes(head.root, this.edge.root()))
      this.fail('root', undefined, 'the events have another root than the head of the log', 'es.log');
    return { size, root: this.edge.root(), failures: this.failures };
  }

  private grow(position: bigint, hash: Uint8Array): void {
    const expected = this.edge.size + 1n;
    if (this.broken) return;
    if (position !== expected) {
      this.fail(
        'presence',
        expected,
        position > expected ? `positions ${expected} to ${position - 1n} are not there` : `position ${position} is there twice`,
      );
      this.broken = true;
      return;
    }
    this.edge.append(hash);
    this.compareHeads();
  }

  private compareHeads(): void {
    while (this.heads[0]?.size === this.edge.size) {
      const { name, size, root } = this.heads.shift() as KeptHead;
      if (!sameBytes(root, this.edge.root()))
        this.fail('root', undefined, `the first ${size} events have another root than the one that was signed`, name);
    }
  }

  private fail(check: Failure['check'], position: bigint | undefined, reason: string, at = 'es.event'): void {
    if (this.failures.length >= MAX_FAILURES) return;
    this.failures.push({ check, at, ...(position === undefined ? {} : { position: position.toString() }), reason });
  }
}

/** What the members behind the data say; they have a fixed order, and within the data the mark's quotes would be escaped, so the last one counts. */
const saidBy = (canonical: Uint8Array): RowColumns | null => {
  const text = fromUtf8(canonical) ?? '';
  const at = text.lastIndexOf(STREAM);
  const schema = /,"schemaVersion":(\d+)$/.exec(text.slice(Math.max(0, at - 40), at))?.[1];
  try {
    const { stream, tenant, type, version } = JSON.parse(`{${text.slice(at + 1)}`) as Envelope;
    return { tenant, streamType: stream.type, streamId: stream.id, version, type, schemaVersion: Number(schema) };
  } catch {
    return null;
  }
};

interface Envelope {
  stream: { id: string; type: string };
  tenant: string;
  type: string;
  version: number;
}

const COLUMNS: readonly [keyof RowColumns, string][] = [
  ['tenant', 'tenant'],
  ['streamType', 'stream type'],
  ['streamId', 'stream'],
  ['version', 'version'],
  ['type', 'type'],
  ['schemaVersion', 'schema version'],
];

const differingColumn = ({ canonical, columns }: LogRow): string | null => {
  const said = saidBy(canonical);
  return said === null ? 'form' : (COLUMNS.find(([column]) => said[column] !== columns[column])?.[1] ?? null);
};
