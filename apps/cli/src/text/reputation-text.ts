/** How well a worker does, in a few characters. */
import type { ProposalView, ReputationView } from '@mandate/contracts';
import { durationText } from './state-text.js';

export const percentText = (share: number | null): string => (share === null ? '-' : `${Math.round(share * 100)} %`);

/** Success of how many attempts, lateness, and how long one takes. */
export const figureCells = (reputation: ReputationView | null | undefined): string[] => {
  if (!reputation) return ['-', '-', '-'];
  const { successRate, volume, lateRate, latencyMs } = reputation;
  return [
    successRate === null ? '-' : `${percentText(successRate)} of ${Number(volume.toFixed(1))}`,
    percentText(lateRate),
    latencyMs === null ? '-' : durationText(latencyMs),
  ];
};

export const proposalLines = ({ id, instance, capability, state, proposedAt, evidence, decided }: ProposalView): string[] => {
  const { figures, floor, from, to, halfLife, peers } = evidence;
  const { succeeded, failed, timedOut, lost, unanswered } = figures.outcomes;
  const counts = { succeeded, failed, 'out of time': timedOut, lost, unanswered };
  const told = Object.entries(counts).map(([name, count]) => `${name} ${Number(count.toFixed(1))}`);
  return [
    `${id}  ${state}  ${instance}  ${capability}  ${proposedAt}`,
    `  succeeds in ${percentText(figures.successRate)} of ${Number(figures.volume.toFixed(1))} attempts, surely between ${percentText(figures.lower)} and ${percentText(figures.upper)}; the floor is ${percentText(floor)}`,
    `  ${told.join(', ')}; ${from} to ${to}, half-life ${halfLife}`,
    peers
      ? `  others succeed in ${percentText(peers.successRate)} of ${Number(peers.volume.toFixed(1))}, surely in ${percentText(peers.lower)}`
      : '  no others to compare with',
    ...(decided ? [`  ${state} by ${decided.by} at ${decided.at}: ${decided.reason || '-'}`] : []),
  ];
};
