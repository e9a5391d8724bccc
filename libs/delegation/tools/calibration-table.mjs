// Builds the recogniser's calibration from labelled requests: how often each pattern was right where each key of evidence was found.
import { readFileSync } from 'node:fs';
import { evidenceOf, read, sketchOf } from '../dist/recognition/index.js';

export const PATTERNS = ['direct', 'sequential', 'parallel', 'meta'];

/** A key seen less often says no more than the key above it. */
const LEAST = 15;
/** A key's own count against the chances of the key above it. */
const PRIOR_STRENGTH = 8;
/** The rules' own opinion, where there is nothing above. */
const OPINION = 0.5;
const OPINION_STRENGTH = 10;

/** The two TaskBench parts have one author and one style: they are one witness, and leaving out one of them leaves out nothing. */
export const familyOf = (source) => source.split('_')[0];

export const loadRequests = (file) =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { source, label, accept, text, tools, given_steps: givenSteps, steps } = JSON.parse(line);
      const input = { text, ...(tools ? { tools: tools.map(String) } : {}), ...(givenSteps ? { givenSteps } : {}) };
      return { source, label, accept: accept ?? [label], steps, input };
    });

/** A source of n requests weighs the square root of n: it speaks louder than a small one, but not in proportion. */
const weightsOf = (requests) => {
  const sizes = new Map();
  for (const { source } of requests) sizes.set(source, (sizes.get(source) ?? 0) + 1);
  const raw = new Map([...sizes].map(([source, size]) => [source, size ** -0.5]));
  const scale = requests.length / requests.reduce((sum, { source }) => sum + raw.get(source), 0);
  return new Map([...raw].map(([source, weight]) => [source, weight * scale]));
};

const countKeys = (requests) => {
  const weights = weightsOf(requests);
  const counts = new Map();
  for (const { source, label, input } of requests) {
    const reading = read(input);
    const { keys, opinion } = evidenceOf(reading, sketchOf(reading));
    keys.forEach((key, i) => {
      const entry = counts.get(key) ?? { parent: keys[i - 1], opinion, seen: 0, byPattern: [0, 0, 0, 0] };
      entry.seen += 1;
      entry.byPattern[PATTERNS.indexOf(label)] += weights.get(source);
      counts.set(key, entry);
    });
  }
  return counts;
};

/** Each key's chances: its own counts, smoothed towards the key above it. */
export const calibrate = (requests) => {
  const counts = countKeys(requests);
  const table = {};
  // A parent is counted with or before its child, so that it stands in the table by then.
  for (const [key, { parent, opinion, seen, byPattern }] of counts) {
    if (seen < LEAST) continue;
    const above = parent === undefined ? PATTERNS.map((pattern) => (pattern === opinion ? OPINION : (1 - OPINION) / 3)) : table[parent];
    if (!above) continue;
    const count = byPattern.reduce((a, b) => a + b, 0);
    const strength = parent === undefined ? OPINION_STRENGTH : PRIOR_STRENGTH;
    const total = count + strength;
    table[key] = byPattern.map((found, i) => Number(((found + strength * above[i]) / total).toFixed(4)));
  }
  return table;
};
