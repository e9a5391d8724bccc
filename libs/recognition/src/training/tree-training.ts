/** Gradient-boosted trees (Friedman 2001) with second-order gains and histograms, as XGBoost has them (Chen, Guestrin 2016). */
import { CLASSES, softmax } from '../chances.js';
import { forestOf, type Forest } from '../trees.js';
import { randomFrom } from './random.js';

const ROUNDS = 70;
const DEPTH = 5;
const RATE = 0.12;
/** Ridge on leaf scores. */
const RIDGE = 5;
/** Least curvature in a leaf. */
const LEAST = 4;
const LEAST_GAIN = 1e-3;
const FEATURES_DRAWN = 0.4;
const EXAMPLES_DRAWN = 0.7;
const BINS = 32;

/** Bounds between bins: quantiles, or every value where there are few. */
const boundsOf = (values: Float64Array): Float64Array => {
  const sorted = values.slice().sort();
  const distinct = [...new Set(sorted)];
  if (distinct.length <= BINS) return Float64Array.from(distinct.slice(1));
  const bounds: number[] = [];
  for (let bin = 1; bin < BINS; bin++) {
    const value = Math.fround(sorted[Math.floor((bin * sorted.length) / BINS)] as number);
    if (value > (bounds[bounds.length - 1] ?? (sorted[0] as number))) bounds.push(value);
  }
  return Float64Array.from(bounds);
};

interface Binned {
  bounds: Float64Array[];
  /** By feature, the bin of each example. */
  columns: Uint8Array[];
}

const binned = (rows: readonly Float64Array[]): Binned => {
  const size = rows[0]?.length ?? 0;
  const bounds: Float64Array[] = [];
  const columns: Uint8Array[] = [];
  for (let feature = 0; feature < size; feature++) {
    const values = Float64Array.from(rows, (row) => row[feature] as number);
    const cuts = boundsOf(values).map(Math.fround);
    bounds.push(cuts);
    columns.push(
      Uint8Array.from(values, (value) => {
        let bin = 0;
        while (bin < cuts.length && value >= (cuts[bin] as number)) bin++;
        return bin;
      }),
    );
  }
  return { bounds, columns };
};

class Nodes {
  readonly roots: number[] = [];
  readonly feature: number[] = [];
  readonly value: number[] = [];
  readonly below: number[] = [];
  readonly above: number[] = [];

  add(feature: number, value: number): number {
    this.feature.push(feature);
    this.value.push(value);
    this.below.push(0);
    this.above.push(0);
    return this.feature.length - 1;
  }

  forest(): Forest {
    return forestOf({
      roots: Int32Array.from(this.roots),
      feature: Int16Array.from(this.feature),
      value: Float32Array.from(this.value),
      below: Int16Array.from(this.below),
      above: Int16Array.from(this.above),
    });
  }
}

interface Split {
  gain: number;
  feature: number;
  bin: number;
}

/** Grows one tree on the slopes and curvatures of one pattern, and adds its scores. */
class Grower {
  private readonly slopeIn = new Float64Array(BINS + 1);
  private readonly curveIn = new Float64Array(BINS + 1);

  constructor(
    private readonly data: Binned,
    private readonly nodes: Nodes,
    private readonly slope: Float64Array,
    private readonly curve: Float64Array,
    private readonly drawn: readonly number[],
  ) {}

  grow(members: Int32Array, depth: number): number {
    let [slope, curve] = [0, 0];
    for (const i of members) {
      slope += this.slope[i] as number;
      curve += this.curve[i] as number;
    }
    const split = depth < DEPTH && members.length >= 2 * LEAST ? this.bestSplit(members, slope, curve) : null;
    if (!split) return this.nodes.add(-1, (-RATE * slope) / (curve + RIDGE));
    const column = this.data.columns[split.feature] as Uint8Array;
    const node = this.nodes.add(split.feature, this.data.bounds[split.feature]?.[split.bin] as number);
    const goesBelow = (i: number): boolean => (column[i] as number) <= split.bin;
    const below = this.grow(members.filter(goesBelow), depth + 1);
    const above = this.grow(
      members.filter((i) => !goesBelow(i)),
      depth + 1,
    );
    this.nodes.below[node] = below - node;
    this.nodes.above[node] = above - node;
    return node;
  }

  private bestSplit(members: Int32Array, slope: number, curve: number): Split | null {
    const parent = (slope * slope) / (curve + RIDGE);
    let found: Split | null = null;
    for (const feature of this.drawn) {
      const column = this.data.columns[feature] as Uint8Array;
      const last = (this.data.bounds[feature] as Float64Array).length;
      this.slopeIn.fill(0);
      this.curveIn.fill(0);
      for (const i of members) {
        const bin = column[i] as number;
        this.slopeIn[bin] = (this.slopeIn[bin] as number) + (this.slope[i] as number);
        this.curveIn[bin] = (this.curveIn[bin] as number) + (this.curve[i] as number);
      }
      let [left, leftCurve] = [0, 0];
      for (let bin = 0; bin < last; bin++) {
        left += this.slopeIn[bin] as number;
        leftCurve += this.curveIn[bin] as number;
        if (leftCurve < LEAST || curve - leftCurve < LEAST) continue;
        const gain = (left * left) / (leftCurve + RIDGE) + (slope - left) ** 2 / (curve - leftCurve + RIDGE) - parent;
        if (gain > (found?.gain ?? LEAST_GAIN)) found = { gain, feature, bin };
      }
    }
    return found;
  }
}

/** `rows`: features of each example; `truths`: the place of its pattern. */
export const trainForest = (rows: readonly Float64Array[], truths: readonly number[], seed: number): Forest => {
  const data = binned(rows);
  const nodes = new Nodes();
  const random = randomFrom(seed);
  const n = rows.length;
  const scores = rows.map(() => new Float64Array(CLASSES));
  const slopes = Array.from({ length: CLASSES }, () => new Float64Array(n));
  const curves = Array.from({ length: CLASSES }, () => new Float64Array(n));
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < n; i++) {
      const chances = softmax(scores[i] as Float64Array);
      for (let c = 0; c < CLASSES; c++) {
        const chance = chances[c] as number;
        (slopes[c] as Float64Array)[i] = chance - (truths[i] === c ? 1 : 0);
        (curves[c] as Float64Array)[i] = Math.max(1e-4, chance * (1 - chance));
      }
    }
    const members = Int32Array.from({ length: n }, (_, i) => i).filter(() => random() < EXAMPLES_DRAWN);
    const drawn = data.bounds.flatMap((bounds, feature) => (bounds.length > 0 && random() < FEATURES_DRAWN ? [feature] : []));
    for (let c = 0; c < CLASSES; c++) {
      const root = new Grower(data, nodes, slopes[c] as Float64Array, curves[c] as Float64Array, drawn).grow(members, 0);
      nodes.roots.push(root);
      addScores(nodes, root, rows, scores, c);
    }
  }
  return nodes.forest();
};

const addScores = (nodes: Nodes, root: number, rows: readonly Float64Array[], scores: Float64Array[], pattern: number): void => {
  for (let i = 0; i < rows.length; i++) {
    let at = root;
    for (let feature = nodes.feature[at] as number; feature >= 0; feature = nodes.feature[at] as number) {
      const goesBelow = (rows[i]?.[feature] as number) < (nodes.value[at] as number);
      at += (goesBelow ? nodes.below[at] : nodes.above[at]) as number;
    }
    const own = scores[i] as Float64Array;
    own[pattern] = (own[pattern] as number) + (nodes.value[at] as number);
  }
};
