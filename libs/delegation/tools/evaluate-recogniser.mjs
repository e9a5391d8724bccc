// Measures the recogniser on labelled requests: node libs/delegation/tools/evaluate-recogniser.mjs --data DIR
// DIR holds train.jsonl and dev.jsonl, lines {source, text, tools?, given_steps?, label, accept?, steps?}. Run after `npm run build`.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CALIBRATION, recogniser } from '../dist/recognition/index.js';
import { calibrate, familyOf, loadRequests, PATTERNS } from './calibration-table.mjs';

const { values } = parseArgs({ options: { data: { type: 'string' } } });
if (!values.data) {
  console.error('usage: evaluate-recogniser.mjs --data DIR');
  process.exit(2);
}

const answersOf = (calibration, requests) => {
  const recognise = recogniser(calibration);
  return requests.map((request) => {
    const { pattern, confidence, steps } = recognise(request.input);
    return { ...request, pattern, confidence, found: steps, right: request.accept.includes(pattern) };
  });
};

/** Expected calibration error over 15 bins of equal width. */
const ece = (answers) => {
  const bins = new Map();
  for (const { confidence, right } of answers) {
    const bin = Math.min(14, Math.floor(confidence * 15));
    const { n, sure, hits } = bins.get(bin) ?? { n: 0, sure: 0, hits: 0 };
    bins.set(bin, { n: n + 1, sure: sure + confidence, hits: hits + (right ? 1 : 0) });
  }
  return [...bins.values()].reduce((sum, { sure, hits }) => sum + Math.abs(sure - hits), 0) / answers.length;
};

const macroF1 = (answers) => {
  const scores = PATTERNS.filter((p) => answers.some(({ label }) => label === p)).map((p) => {
    const truth = (a) => (a.right ? a.pattern : a.label);
    const hits = answers.filter((a) => a.pattern === p && truth(a) === p).length;
    return (2 * hits) / Math.max(1, answers.filter((a) => a.pattern === p).length + answers.filter((a) => truth(a) === p).length);
  });
  return scores.reduce((a, b) => a + b, 0) / scores.length;
};

const accuracy = (answers) => answers.filter(({ right }) => right).length / Math.max(1, answers.length);

const figures = (answers) => {
  const counted = answers.filter(({ steps, found }) => steps !== undefined && found !== undefined);
  const surest = [...answers].sort((a, b) => b.confidence - a.confidence);
  const acted = answers.filter(({ confidence }) => confidence >= 0.5);
  return {
    n: answers.length,
    accuracy: accuracy(answers).toFixed(3),
    macroF1: macroF1(answers).toFixed(3),
    ece: ece(answers).toFixed(3),
    'mean confidence': (answers.reduce((sum, { confidence }) => sum + confidence, 0) / answers.length).toFixed(3),
    'accuracy of surest 80%': accuracy(surest.slice(0, Math.ceil(answers.length * 0.8))).toFixed(3),
    'not fallen back': (acted.length / answers.length).toFixed(3),
    'accuracy of those': accuracy(acted).toFixed(3),
    'steps within 1':
      counted.length === 0 ? '-' : (counted.filter(({ steps, found }) => Math.abs(steps - found) <= 1).length / counted.length).toFixed(3),
  };
};

const sourcesOf = (requests) => [...new Set(requests.map(({ source }) => source))].sort();

const report = (title, groups) => {
  console.log(`\n${title}`);
  console.table(Object.fromEntries(groups.map(([name, answers]) => [name, figures(answers)])));
};

const bySource = (answers) => sourcesOf(answers).map((source) => [source, answers.filter((answer) => answer.source === source)]);

const [train, dev] = ['train', 'dev'].map((name) => loadRequests(join(values.data, `${name}.jsonl`)));

for (const [name, requests] of [
  ['train', train],
  ['dev', dev],
]) {
  const answers = answersOf(CALIBRATION, requests);
  report(`${name}, by source`, [...bySource(answers), ['all', answers]]);
}

const leftOut = [...new Set(sourcesOf(train).map(familyOf))].flatMap((family) =>
  answersOf(
    calibrate(train.filter(({ source }) => familyOf(source) !== family)),
    dev.filter(({ source }) => familyOf(source) === family),
  ),
);
report('dev, calibrated without the family of sources it is measured on', [...bySource(leftOut), ['all', leftOut]]);

const timed = recogniser(CALIBRATION);
for (const { input } of dev) timed(input);
const times = dev.map(({ input }) => {
  const start = performance.now();
  timed(input);
  return performance.now() - start;
});
times.sort((a, b) => a - b);
console.log(
  `\nper request: median ${times[times.length >> 1].toFixed(3)} ms, p99 ${times[Math.floor(times.length * 0.99)].toFixed(3)} ms, ${Object.keys(CALIBRATION).length} calibration entries`,
);
