/**
 * How far to trust what was learned: requests held out of their own sources against requests of whole families held out. Only so can it be
 * seen what a model does with authors whom it never read.
 */
import type { Chances } from '../chances.js';
import { combined, trustIn, type Gate } from '../model.js';
import { SIGNS, SUMMED, type Familiarity } from '../familiarity.js';
import { logistic } from './logistic.js';

/** A request as seen by a model that did not read it (`known`: read others of its source). */
export interface HeldOut {
  known: boolean;
  family: string;
  truth: number;
  learned: Chances;
  /** What is thought of it whoever wrote it. */
  strange: Chances;
  familiarity: Familiarity;
}

/** Every family weighs the same on its side, in the end as much as the other side. */
const weightsOf = (cases: readonly HeldOut[]): number[] => {
  const sizes = new Map<string, number>();
  const keyOf = ({ known, family }: HeldOut): string => `${known ? '+' : '-'}${family}`;
  for (const one of cases) sizes.set(keyOf(one), (sizes.get(keyOf(one)) ?? 0) + 1);
  return cases.map((one) => 1 / (sizes.size * (sizes.get(keyOf(one)) as number)));
};

const sumOf = (signs: readonly number[]): number => SUMMED.reduce((sum, at) => sum + (signs[at] as number), 0);

/**
 * The mean of two fits. Weights fitted to a few families hold for some strangers, the plain sum of three signs for others: together they held
 * for more of the families that were left out in turn than either. Where there is but one family, no stranger can be told: nobody is one.
 */
const tellApart = (cases: readonly HeldOut[]): Gate['weights'] => {
  if (cases.every(({ known }) => known)) return Array.from({ length: SIGNS + 1 }, () => 0);
  const signs = cases.map(({ familiarity }) => familiarity.signs);
  const truths = cases.map(({ known }) => known);
  const weights = weightsOf(cases);
  const fitted = logistic(signs, truths, weights);
  const [base, slope] = logistic(
    signs.map((each) => [sumOf(each)]),
    truths,
    weights,
  ) as [number, number];
  return fitted.map((weight, i) => (weight + (i === 0 ? base : SUMMED.includes(i - 1) ? slope : 0)) / 2);
};

/** Mean log-chance given to the truth. */
const likelihoodOf = (cases: readonly HeldOut[], chancesOf: (one: HeldOut) => Chances): number =>
  cases.reduce((sum, one) => sum + Math.log((chancesOf(one)[one.truth] as number) + 1e-6), 0) / Math.max(1, cases.length);

const grid = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => from + i * step);

/** Three of five requests are taken to be of a kind that was met before. */
const PRIOR_ODDS = Math.log(1.5);
/** Log-odds fitted to a handful of families change too slowly: of 1, 2, 3 and 4, this held most of both sides, each family left out in turn. */
const SLOPE = 3;

/** Most requests come from home. */
const AT_HOME = 3;

/** Sharpness is what gives the truth most chance, at home and abroad. */
export const trainGate = (cases: readonly HeldOut[]): Gate => {
  const opening: Gate = { weights: tellApart(cases), bias: PRIOR_ODDS, slope: SLOPE, sharpness: [1, 0] };
  const [home, abroad] = [cases.filter(({ known }) => known), cases.filter(({ known }) => !known)];
  const worthOf = (gate: Gate): number => {
    const chancesOf = ({ familiarity, learned, strange }: HeldOut): Chances => combined(gate, trustIn(gate, familiarity), learned, strange);
    return AT_HOME * likelihoodOf(home, chancesOf) + likelihoodOf(abroad, chancesOf);
  };
  const gates = grid(0.7, 1.3, 0.1).flatMap((low) => grid(0, 0.5, 0.05).map((more): Gate => ({ ...opening, sharpness: [low, more] })));
  return gates.map((gate) => ({ gate, worth: worthOf(gate) })).reduce((a, b) => (b.worth > a.worth ? b : a)).gate;
};
