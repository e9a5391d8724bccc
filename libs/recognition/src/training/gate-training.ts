/**
 * How far to trust what was learned: requests held out of their own sources against requests of whole families held out. Only so can it be
 * seen what a model does with authors whom it never read.
 */
import type { Chances } from '../chances.js';
import { combined, trustIn, type Gate } from '../model.js';
import type { Familiarity } from '../style.js';

/** A request as seen by a model that did not read it (`known`: read others of its source). */
export interface HeldOut {
  known: boolean;
  family: string;
  truth: number;
  learned: Chances;
  built: Chances;
  familiarity: Familiarity;
}

const ROUNDS = 20;
/** Keeps the scores of cases that can be told apart completely from growing without end. */
const RIDGE = 1e-3;

/** Every family weighs the same on its side, in the end as much as the other side. */
const weightsOf = (cases: readonly HeldOut[]): number[] => {
  const sizes = new Map<string, number>();
  const keyOf = ({ known, family }: HeldOut): string => `${known ? '+' : '-'}${family}`;
  for (const one of cases) sizes.set(keyOf(one), (sizes.get(keyOf(one)) ?? 0) + 1);
  return cases.map((one) => 1 / (sizes.size * (sizes.get(keyOf(one)) as number)));
};

/** Logistic regression of `known` on the familiarity's score, by Newton's method. */
const tellApart = (cases: readonly HeldOut[]): Gate['weights'] => {
  if (cases.every(({ known }) => known)) return [0, 0];
  const weights = weightsOf(cases);
  let [base, slope] = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    let [g0, g1, h00, h01, h11] = [0, -RIDGE * slope, RIDGE, 0, RIDGE];
    cases.forEach(({ known, familiarity: { score } }, i) => {
      const weight = weights[i] as number;
      const chance = 1 / (1 + Math.exp(-(base + slope * score)));
      const error = weight * ((known ? 1 : 0) - chance);
      const curve = weight * chance * (1 - chance);
      g0 += error;
      g1 += error * score;
      h00 += curve;
      h01 += curve * score;
      h11 += curve * score * score;
    });
    const determinant = h00 * h11 - h01 * h01;
    base += (h11 * g0 - h01 * g1) / determinant;
    slope += (h00 * g1 - h01 * g0) / determinant;
  }
  // Where strangers cannot be told, nobody is one; they are never trusted more.
  return slope > 0 ? [base, slope] : [0, 0];
};

/** Mean log-chance given to the truth. */
const likelihoodOf = (cases: readonly HeldOut[], chancesOf: (one: HeldOut) => Chances): number =>
  cases.reduce((sum, one) => sum + Math.log((chancesOf(one)[one.truth] as number) + 1e-6), 0) / Math.max(1, cases.length);

const grid = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => from + i * step);

/** Three of four requests are taken to be of a kind that was met before. */
const PRIOR_ODDS = Math.log(3);
/** Log-odds fitted to a handful of families change too slowly: of 1, 2 and 3, this held most of both sides, each family left out in turn. */
const SLOPE = 2;

/** Most requests come from home. */
const AT_HOME = 3;

/** Sharpness is what gives the truth most chance, at home and abroad. */
export const trainGate = (cases: readonly HeldOut[]): Gate => {
  const opening: Gate = { weights: tellApart(cases), bias: PRIOR_ODDS, slope: SLOPE, sharpness: [1, 0] };
  const [home, abroad] = [cases.filter(({ known }) => known), cases.filter(({ known }) => !known)];
  const worthOf = (gate: Gate): number => {
    const chancesOf = ({ familiarity, learned, built }: HeldOut): Chances => combined(gate, trustIn(gate, familiarity), learned, built);
    return AT_HOME * likelihoodOf(home, chancesOf) + likelihoodOf(abroad, chancesOf);
  };
  const gates = grid(0.7, 1.1, 0.1).flatMap((low) => grid(0, 0.5, 0.05).map((more): Gate => ({ ...opening, sharpness: [low, more] })));
  return gates.map((gate) => ({ gate, worth: worthOf(gate) })).reduce((a, b) => (b.worth > a.worth ? b : a)).gate;
};
