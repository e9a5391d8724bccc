/**
 * What may be learned from delegations without learning of anybody: one row a delegation of enums, counts and rounded numbers. No text, no id, no
 * principal, no time of day. Names of capabilities are an organisation's own words: one that fewer than `K` requesters used stands as `other`.
 */
import type { JsonObject } from '@mandate/kernel';

/** Requesters that have to share a name before it may be seen. */
export const K = 10;
export const OTHER = 'other';

export interface LearningRow {
  asked: 'auto' | 'direct' | 'sequential' | 'parallel' | 'meta';
  recognised: string | null;
  /** Of the recognition, to a twentieth. */
  confidence: number | null;
  model: string | null;
  fellBack: string | null;
  planned: { by: string; pattern: string; capabilities: string[]; edges: [from: number, to: number][] } | null;
  outcome: 'completed' | 'failed' | 'canceled';
  /** Of a failure. */
  code: string | null;
  retries: number;
  children: number;
  /** Milliseconds, to the next power of two. */
  durationMs: number;
}

/** An event of a delegation as the log shows it to everybody who may read it. */
export interface SeenEvent {
  type: string;
  stream: string;
  at: number;
  data: JsonObject;
}

interface Open {
  principal: string;
  startedAt: number;
  row: Omit<LearningRow, 'outcome' | 'code' | 'durationMs'>;
}

export interface Finished {
  principal: string;
  row: LearningRow;
}

const PREFIX = 'dev.mandate.delegation.';

/** Gathers events, in the order of the log, into rows; each is given out with the event that ends its delegation. */
export class LearningRows {
  private readonly open = new Map<string, Open>();

  see({ type, stream, at, data }: SeenEvent): Finished | null {
    if (!type.startsWith(PREFIX)) return null;
    const name = type.slice(PREFIX.length).replace(/\.v\d+$/, '');
    if (name === 'requested') {
      this.open.set(stream, begun(data, at));
      return null;
    }
    const open = this.open.get(stream);
    if (!open) return null;
    if (name === 'completed' || name === 'failed' || name === 'canceled') {
      this.open.delete(stream);
      const code = name === 'failed' ? String(data['code']) : null;
      return { principal: open.principal, row: { ...open.row, outcome: name, code, durationMs: powerOfTwo(at - open.startedAt) } };
    }
    open.row = { ...open.row, ...learned(name, data, open.row) };
    return null;
  }
}

const begun = (data: JsonObject, at: number): Open => ({
  principal: String(data['principal']),
  startedAt: at,
  row: {
    asked: data['pattern'] as LearningRow['asked'],
    recognised: null,
    confidence: null,
    model: null,
    fellBack: null,
    planned: null,
    retries: 0,
    children: 0,
  },
});

const learned = (name: string, data: JsonObject, row: Open['row']): Partial<Open['row']> => {
  switch (name) {
    case 'recognised':
      return {
        recognised: String(data['pattern']),
        confidence: Math.round(Number(data['confidence']) * 20) / 20,
        model: String(data['model']),
      };
    case 'fellback':
      return { fellBack: String(data['reason']) };
    case 'planned':
      return { planned: plannedOf(data) };
    case 'stepretried':
      return { retries: row.retries + 1 };
    case 'childadmitted':
      return { children: row.children + 1 };
    default:
      return {};
  }
};

const plannedOf = (data: JsonObject): LearningRow['planned'] => {
  const steps = data['steps'] as { id: string; capability: string; dependsOn: string[] }[];
  const place = new Map(steps.map(({ id }, index) => [id, index]));
  return {
    by: String(data['by']),
    pattern: String(data['pattern']),
    capabilities: steps.map(({ capability }) => capability),
    edges: steps.flatMap(({ dependsOn }, to) => dependsOn.map((id): [number, number] => [place.get(id) ?? to, to])),
  };
};

const powerOfTwo = (value: number): number => (value <= 1 ? 1 : 2 ** Math.ceil(Math.log2(value)));

/** Who used which names, counted as far as it matters. */
export class SharedNames {
  private readonly users = new Map<string, Set<string>>();

  see({ principal, row }: Finished): void {
    for (const name of row.planned?.capabilities ?? []) {
      const users = this.users.get(name) ?? new Set();
      if (users.size < K) users.add(principal);
      this.users.set(name, users);
    }
  }

  /** The row with every name that too few share replaced. */
  anonymous({ row }: Finished): LearningRow {
    if (!row.planned) return row;
    const capabilities = row.planned.capabilities.map((name) => ((this.users.get(name)?.size ?? 0) >= K ? name : OTHER));
    return { ...row, planned: { ...row.planned, capabilities } };
  }
}
