/** What work costs. Money is counted in whole millionths of a dollar, so that sums are exact; on the wire it is a decimal string. */
import type { StepUsage } from '@mandate/contracts';

export interface Cost {
  microUsd: number;
  tokens: number;
}

/** Null: no limit. */
export interface CostLimit {
  microUsd: number | null;
  tokens: number | null;
}

export const NO_COST: Cost = { microUsd: 0, tokens: 0 };
const MICRO = 1_000_000;

/** "0.40" → 400000. The text was checked at the edge. */
export const microUsdOf = (usd: string): number => {
  const [whole = '0', fraction = ''] = usd.split('.');
  return Number(whole) * MICRO + Number(fraction.padEnd(6, '0'));
};

/** 400000 → "0.40": at least two decimals, no more than needed. */
export const usdText = (microUsd: number): string => {
  const fraction = String(microUsd % MICRO).padStart(6, '0');
  return `${Math.floor(microUsd / MICRO)}.${fraction.slice(0, 2)}${fraction.slice(2).replace(/0+$/, '')}`;
};

export const costOf = (usage: StepUsage | undefined): Cost => ({
  microUsd: usage?.usd ? microUsdOf(usage.usd) : 0,
  tokens: usage?.tokens ?? 0,
});

export const addCost = (a: Cost, b: Cost): Cost => ({ microUsd: a.microUsd + b.microUsd, tokens: a.tokens + b.tokens });

/** What is left of a limit; null where there is none. */
export const costLeft = (limit: CostLimit, spent: Cost): CostLimit => ({
  microUsd: limit.microUsd === null ? null : Math.max(0, limit.microUsd - spent.microUsd),
  tokens: limit.tokens === null ? null : Math.max(0, limit.tokens - spent.tokens),
});

/** The first limit that is used up, in words; null when there is money left for more work. */
export const usedUp = (limit: CostLimit, spent: Cost): string | null => {
  if (limit.microUsd !== null && spent.microUsd >= limit.microUsd)
    return `${usdText(spent.microUsd)} USD of ${usdText(limit.microUsd)} are spent`;
  if (limit.tokens !== null && spent.tokens >= limit.tokens) return `${spent.tokens} of ${limit.tokens} tokens are spent`;
  return null;
};
