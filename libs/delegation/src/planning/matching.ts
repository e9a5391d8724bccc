/** Which capability fits a goal: Okapi BM25 (Robertson, Zaragoza 2009) over names, descriptions and tags. */
import { PLAN_CAPABILITY } from '../model.js';
import { terms } from './stemming.js';
import { learntFrequency, type Synonyms } from './synonyms.js';

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
  /** Some of it by words that only its uses taught. */
  learnt: boolean;
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

const NONE: Synonyms = new Map();

/** Ranks the capabilities for many goals. Capability `plan` is left out: it plans, it does no step. */
export const matcher = (agents: readonly AgentCapability[], synonyms: Synonyms = NONE): ((goal: string) => Match[]) => {
  const documents = documentsOf(agents);
  const averageLength = documents.reduce((sum, document) => sum + document.length, 0) / Math.max(1, documents.length) || 1;
  const matchOf = (document: Document, asked: readonly Asked[], place: number): Match => {
    let score = 0;
    let learnt = false;
    for (const { weight, frequencies, taught } of asked) {
      const frequency = frequencies[place] as number;
      if (frequency === 0) continue;
      score += (weight * frequency * (K1 + 1)) / (frequency + K1 * (1 - B + (B * document.length) / averageLength));
      learnt ||= taught[place] as boolean;
    }
    return { capability: document.capability, score, learnt };
  };
  return (goal) => {
    const asked = [...new Set(terms(goal))].map((term) => askedFor(term, documents, synonyms));
    return documents
      .map((document, place) => matchOf(document, asked, place))
      .sort((a, b) => b.score - a.score || (a.capability < b.capability ? -1 : 1));
  };
};

/** A word of the goal: its weight, and by document how often it stands there, and whether only uses put it there. */
interface Asked {
  weight: number;
  frequencies: number[];
  taught: boolean[];
}

const askedFor = (term: string, documents: readonly Document[], synonyms: Synonyms): Asked => {
  const written = documents.map(({ counts }) => counts.get(term) ?? 0);
  const frequencies = written.map((count, i) => count || learntFrequency(synonyms, term, documents[i]?.capability ?? ''));
  const n = frequencies.filter((frequency) => frequency > 0).length;
  const weight = Math.log(1 + (documents.length - n + 0.5) / (n + 0.5));
  return { weight, frequencies, taught: frequencies.map((frequency, i) => frequency > 0 && written[i] === 0) };
};

/** The capability that fits a whole goal best: one whenever any but `plan` is registered, else null. Ties go by name. */
export const bestCapability = (goal: string, agents: readonly AgentCapability[]): string | null =>
  matcher(agents)(goal)[0]?.capability ?? null;
