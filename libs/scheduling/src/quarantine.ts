/**
 * Quarantine as it is proposed, never imposed: a worker whose reputation is surely below the floor is brought before an operator, with the
 * figures, and only the operator decides. Event-sourced, one stream a tenant, pure.
 */
import { AppError, type Decider } from '@mandate/kernel';
import { figuresOf, volumeOf, wilson, type Figures, type Standing } from './reputation.js';

export interface ReputationSettings {
  /** Attempts count half after this time. */
  halfLifeMs: number;
  /** A success rate that is surely below it, at 95 %, is proposed for quarantine. */
  floor: number;
  /** Of fewer attempts, faded, nothing is concluded. */
  minVolume: number;
  /** A decided proposal is not made again for so long, unless the worker got clearly worse. */
  quietMs: number;
}

export const DEFAULT_REPUTATION: ReputationSettings = { halfLifeMs: 6 * 3_600_000, floor: 0.5, minVolume: 20, quietMs: 24 * 3_600_000 };

/** What a proposal rests on. */
export interface Evidence {
  figures: Figures;
  /** RFC 3339: when the first and the last attempt ended that the figures are made of. */
  from: string;
  to: string;
  halfLifeMs: number;
  floor: number;
  minVolume: number;
  /** The other workers of the capability together; null where they had too few attempts to compare. */
  peers: { volume: number; successRate: number; lower: number } | null;
}

interface Of<Type extends string, Data> {
  type: Type;
  /** Milliseconds since the epoch. */
  at: number;
  data: Data;
}
interface Decided {
  proposal: string;
  instance: string;
  by: string;
  reason: string;
}

export type ReputationEvent =
  | Of<'configured', ReputationSettings & { by: string; reason: string }>
  | Of<'quarantineproposed', { proposal: string; instance: string; capability: string; evidence: Evidence }>
  /** It got better, or the others got as bad, before anybody decided. */
  | Of<'proposalwithdrawn', { proposal: string; instance: string; capability: string; figures: Figures }>
  | Of<'proposalaccepted', Decided>
  | Of<'proposaldismissed', Decided>;

export const REPUTATION_AGGREGATE = 'reputation';
export const reputationEventName = (type: ReputationEvent['type']): string => `dev.mandate.${REPUTATION_AGGREGATE}.${type}.v1`;

export interface Proposal {
  id: string;
  instance: string;
  capability: string;
  at: number;
  evidence: Evidence;
  state: 'open' | 'accepted' | 'dismissed';
  decided: { by: string; reason: string; at: number } | null;
}

export interface Reputation {
  settings: ReputationSettings;
  /** The last proposal of each worker and capability. */
  proposals: Readonly<Record<string, Proposal>>;
}

export type ReputationCommand =
  | ({ type: 'configure'; by: string; reason: string; now: number } & Partial<ReputationSettings>)
  | {
      type: 'assess';
      /** Of a proposal that this may lead to. */
      proposal: string;
      instance: string;
      capability: string;
      standing: Standing;
      /** Of the other workers of the capability, as of the same time. */
      peers: readonly Standing[];
      now: number;
    }
  | { type: 'accept' | 'dismiss'; proposal: string; by: string; reason: string; now: number };

export const NEW_REPUTATION: Reputation = { settings: DEFAULT_REPUTATION, proposals: {} };

type Command<Type extends ReputationCommand['type']> = Extract<ReputationCommand, { type: Type }>;

const nameOf = (instance: string, capability: string): string => `${instance}/${capability}`;

/** A command that changes nothing gives no event. Throws AppError `NO_PROPOSAL`, `PROPOSAL_DECIDED`. */
export const decideReputation = (command: ReputationCommand, state: Reputation): ReputationEvent[] => {
  switch (command.type) {
    case 'configure':
      return configure(command, state);
    case 'assess':
      return assess(command, state);
    default:
      return settle(command as Command<'accept'>, state);
  }
};

const configure = ({ by, reason, now, ...given }: Command<'configure'>, { settings }: Reputation): ReputationEvent[] => {
  const { halfLifeMs, floor, minVolume, quietMs } = { ...settings, ...given };
  const changed =
    halfLifeMs !== settings.halfLifeMs || floor !== settings.floor || minVolume !== settings.minVolume || quietMs !== settings.quietMs;
  return changed ? [{ type: 'configured', at: now, data: { halfLifeMs, floor, minVolume, quietMs, by, reason } }] : [];
};

const assess = (command: Command<'assess'>, { settings, proposals }: Reputation): ReputationEvent[] => {
  const { instance, capability, standing, now } = command;
  const known = proposals[nameOf(instance, capability)];
  const figures = figuresOf(standing);
  const peers = peersOf(command.peers, settings);
  if (known?.state === 'open') {
    return hasPassed(figures, peers, settings)
      ? [{ type: 'proposalwithdrawn', at: now, data: { proposal: known.id, instance, capability, figures } }]
      : [];
  }
  if (figures.volume < settings.minVolume || figures.upper >= settings.floor) return [];
  if (peers && figures.upper >= peers.lower) return []; // the others do no better: it is the work
  if (known && !isNews(known, figures, settings, now)) return [];
  const { halfLifeMs, floor, minVolume } = settings;
  const window = { from: new Date(standing.firstAt).toISOString(), to: new Date(standing.at).toISOString() };
  const evidence: Evidence = { figures, ...window, halfLifeMs, floor, minVolume, peers };
  return [{ type: 'quarantineproposed', at: now, data: { proposal: command.proposal, instance, capability, evidence } }];
};

const peersOf = (standings: readonly Standing[], { minVolume }: ReputationSettings): Evidence['peers'] => {
  const succeeded = standings.reduce((sum, standing) => sum + standing.succeeded, 0);
  const volume = standings.reduce((sum, standing) => sum + volumeOf(standing), 0);
  if (volume < minVolume) return null;
  const round = (value: number): number => Math.round(value * 10_000) / 10_000;
  return { volume: round(volume), successRate: round(succeeded / volume), lower: round(wilson(succeeded, volume).lower) };
};

/** It got better, or the others turn out to do no better. */
const hasPassed = ({ successRate, upper }: Figures, peers: Evidence['peers'], { floor }: ReputationSettings): boolean =>
  (successRate !== null && successRate >= floor) || (peers !== null && upper >= peers.successRate);

/** Somebody looked at this before: again only when enough time has passed, or when it is surely worse than what was decided on. */
const isNews = (known: Proposal, figures: Figures, { quietMs }: ReputationSettings, now: number): boolean =>
  now - (known.decided?.at ?? known.at) >= quietMs || figures.upper < known.evidence.figures.lower;

const settle = ({ type, proposal: id, by, reason, now }: Command<'accept'> | Command<'dismiss'>, state: Reputation): ReputationEvent[] => {
  const proposal = proposalIn(state, id);
  const to = type === 'accept' ? 'accepted' : 'dismissed';
  if (proposal.state === to) return [];
  if (proposal.state !== 'open')
    throw new AppError('PROPOSAL_DECIDED', 'conflict', `proposal ${id} was ${proposal.state} by ${proposal.decided?.by ?? 'somebody'}`);
  const data = { proposal: id, instance: proposal.instance, by, reason };
  return [{ type: type === 'accept' ? 'proposalaccepted' : 'proposaldismissed', at: now, data }];
};

/** Throws AppError `NO_PROPOSAL`. */
export const proposalIn = ({ proposals }: Reputation, id: string): Proposal => {
  const found = Object.values(proposals).find((proposal) => proposal.id === id);
  if (!found) throw new AppError('NO_PROPOSAL', 'not-found', `there is no proposal ${id}, or it was withdrawn or made anew since`);
  return found;
};

export const evolveReputation = (state: Reputation, event: ReputationEvent): Reputation => {
  const { proposals } = state;
  switch (event.type) {
    case 'configured': {
      const { halfLifeMs, floor, minVolume, quietMs } = event.data;
      return { ...state, settings: { halfLifeMs, floor, minVolume, quietMs } };
    }
    case 'quarantineproposed': {
      const { proposal: id, instance, capability, evidence } = event.data;
      const proposal: Proposal = { id, instance, capability, at: event.at, evidence, state: 'open', decided: null };
      return { ...state, proposals: { ...proposals, [nameOf(instance, capability)]: proposal } };
    }
    case 'proposalwithdrawn':
      return { ...state, proposals: Object.fromEntries(Object.entries(proposals).filter(([, { id }]) => id !== event.data.proposal)) };
    default: {
      const { proposal: id, by, reason } = event.data;
      const decided = { by, reason, at: event.at };
      const now = event.type === 'proposalaccepted' ? ('accepted' as const) : ('dismissed' as const);
      const settled = Object.entries(proposals).map(([name, proposal]): [string, Proposal] => [
        name,
        proposal.id === id ? { ...proposal, state: now, decided } : proposal,
      ]);
      return { ...state, proposals: Object.fromEntries(settled) };
    }
  }
};

export const reputationDecider: Decider<ReputationCommand, Reputation, ReputationEvent> = {
  initial: NEW_REPUTATION,
  decide: decideReputation,
  evolve: evolveReputation,
};
