/** Which capability fits a goal: Okapi BM25 (Robertson, Zaragoza 2009) over names, descriptions and tags. */
import { PLAN_CAPABILITY } from '../model.js';
import { terms } from './stemming.js';

/** A registered capability, as its worker described it. */
export interface AgentCapability {
  /** The worker's name. */
  name?: string;
  capability: string;
  description: string;
  tags?: readonly string[];
}

export interface Match {
  capability: string;
  /** 0: no word in common. */
  score: number;
}

/** The usual values: how fast repetition saturates, how much long descriptions are held back. */
const K1 = 1.2;
const B = 0.75;
/** A capability is called what it does: its own name says more than a sentence about it. */
const NAME_WEIGHT = 3;

interface Document {
  capability: string;
  counts: Map<string, number>;
  length: number;
}

const count = (into: Map<string, number>, text: string, weight: number): void => {
  for (const term of terms(text)) into.set(term, (into.get(term) ?? 0) + weight);
};

const documentsOf = (agents: readonly AgentCapability[]): Document[] => {
  const byCapability = new Map<string, Map<string, number>>();
  for (const agent of agents) {
    if (agent.capability === PLAN_CAPABILITY) continue;
    const counts = byCapability.get(agent.capability) ?? new Map<string, number>();
    if (!byCapability.has(agent.capability)) count(counts, agent.capability, NAME_WEIGHT);
    count(counts, agent.description, 1);
    for (const tag of agent.tags ?? []) count(counts, tag, 1);
    byCapability.set(agent.capability, counts);
  }
  return [...byCapability].map(([capability, counts]) => ({ capability, counts, length: [...counts.values()].reduce((a, b) => a + b, 0) }));
};

/** Ranks the capabilities for many goals. Capability `plan` is left out: it plans, it does no step. */
export const matcher = (agents: readonly AgentCapability[]): ((goal: string) => Match[]) => {
  const documents = documentsOf(agents);
  const averageLength = documents.reduce((sum, document) => sum + document.length, 0) / Math.max(1, documents.length) || 1;
  const holders = new Map<string, number>();
  for (const { counts } of documents) for (const term of counts.keys()) holders.set(term, (holders.get(term) ?? 0) + 1);
  const weightOf = (term: string): number => {
    const n = holders.get(term) ?? 0;
    return Math.log(1 + (documents.length - n + 0.5) / (n + 0.5));
  };
  const scoreOf = (document: Document, goal: ReadonlySet<string>): number => {
    let score = 0;
    for (const term of goal) {
      const frequency = document.counts.get(term) ?? 0;
      if (frequency > 0)
        score += (weightOf(term) * frequency * (K1 + 1)) / (frequency + K1 * (1 - B + (B * document.length) / averageLength));
    }
    return score;
  };
  return (goal) => {
    const asked = new Set(terms(goal));
    return documents
      .map((document) => ({ capability: document.capability, score: scoreOf(document, asked) }))
      .sort((a, b) => b.score - a.score || (a.capability < b.capability ? -1 : 1));
  };
};

/** The capability that fits a whole goal best: one whenever any but `plan` is registered, else null. Ties go by name. */
export const bestCapability = (goal: string, agents: readonly AgentCapability[]): string | null =>
  matcher(agents)(goal)[0]?.capability ?? null;
