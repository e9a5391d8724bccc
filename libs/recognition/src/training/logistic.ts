/** Logistic regression of yes and no on a few numbers, by Newton's method. */

const ROUNDS = 20;
/** Of numbers in standard deviations: keeps the weights of cases that can be told apart completely from growing without end. */
const RIDGE = 1e-4;
const LEAST_DEVIATION = 1e-6;

/** Solves `matrix` x = `right` by elimination, in place; the matrix is symmetric and positive definite, so that no pivot is 0. */
const solved = (matrix: Float64Array[], right: Float64Array): Float64Array => {
  const n = right.length;
  const at = (row: number, column: number): number => (matrix[row] as Float64Array)[column] as number;
  for (let pivot = 0; pivot < n; pivot++)
    for (let row = pivot + 1; row < n; row++) {
      const share = at(row, pivot) / at(pivot, pivot);
      for (let column = pivot; column < n; column++) (matrix[row] as Float64Array)[column] = at(row, column) - share * at(pivot, column);
      right[row] = (right[row] as number) - share * (right[pivot] as number);
    }
  for (let row = n - 1; row >= 0; row--) {
    let sum = right[row] as number;
    for (let column = row + 1; column < n; column++) sum -= at(row, column) * (right[column] as number);
    right[row] = sum / at(row, row);
  }
  return right;
};

interface Spread {
  mean: number;
  deviation: number;
}

const spreadOf = (values: readonly number[], weights: readonly number[]): Spread => {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = values.reduce((sum, value, i) => sum + value * (weights[i] as number), 0) / total;
  const variance = values.reduce((sum, value, i) => sum + (value - mean) ** 2 * (weights[i] as number), 0) / total;
  return { mean, deviation: Math.max(LEAST_DEVIATION, Math.sqrt(variance)) };
};

/** The weights of 1 and of each number that make the truths likeliest. `rows`: the numbers of each case; `weights`: what each case counts. */
export const logistic = (rows: readonly (readonly number[])[], truths: readonly boolean[], weights: readonly number[]): number[] => {
  const width = rows[0]?.length ?? 0;
  const spreads = Array.from({ length: width }, (_, i) =>
    spreadOf(
      rows.map((row) => row[i] as number),
      weights,
    ),
  );
  const scaled = rows.map((row) =>
    Float64Array.from([1, ...row.map((value, i) => (value - (spreads[i] as Spread).mean) / (spreads[i] as Spread).deviation)]),
  );
  const found = new Float64Array(width + 1);
  for (let round = 0; round < ROUNDS; round++) {
    const slope = found.map((value, i) => (i === 0 ? 0 : -RIDGE * value));
    const curve = Array.from(found, (_, i) => new Float64Array(found.length).fill(0).map((__, j) => (i === j ? RIDGE : 0)));
    scaled.forEach((row, i) => {
      const score = row.reduce((sum, value, j) => sum + value * (found[j] as number), 0);
      const chance = 1 / (1 + Math.exp(-score));
      const weight = weights[i] as number;
      const error = weight * ((truths[i] ? 1 : 0) - chance);
      const bend = weight * chance * (1 - chance);
      row.forEach((value, j) => {
        slope[j] = (slope[j] as number) + error * value;
        const line = curve[j] as Float64Array;
        for (let k = 0; k < row.length; k++) line[k] = (line[k] as number) + bend * value * (row[k] as number);
      });
    });
    solved(curve, slope).forEach((step, j) => (found[j] = (found[j] as number) + step));
  }
  const raw = spreads.map(({ deviation }, i) => (found[i + 1] as number) / deviation);
  return [raw.reduce((sum, weight, i) => sum - weight * (spreads[i] as Spread).mean, found[0] as number), ...raw];
};
