// How good plans by rules are: npm run measure:plans -- --data DIR. Edges against the graphs that the data state, capabilities against the calls.
// DIR holds dev.jsonl, lines {source, text, tools?, given_steps?, label, steps?, edges?, gold_calls?}; what is registered: every call that train.jsonl or dev.jsonl name.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { plan } from '@mandate/delegation';
import { recogniser } from '@mandate/recognition';
import { shippedModel } from '@mandate/recognition-model';

const { values } = parseArgs({ options: { data: { type: 'string' } } });
if (!values.data) {
  console.error('usage: plan-quality.mjs --data DIR');
  process.exit(2);
}
const recordsOf = (name) =>
  readFileSync(join(values.data, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const [dev, train] = ['dev.jsonl', 'train.jsonl'].map(recordsOf);
const recognise = recogniser(shippedModel());

/** Counts of what was said, what is true, and what is both. */
const tally = () => ({ requests: 0, said: 0, true: 0, both: 0, exact: 0 });
const add = (into, said, wanted) => {
  const left = [...wanted];
  const both = said.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  }).length;
  into.requests++;
  into.said += said.length;
  into.true += wanted.length;
  into.both += both;
  into.exact += both === said.length && both === wanted.length ? 1 : 0;
};
const row = (name, { requests, said, true: wanted, both, exact }) => {
  const share = (part, of) => (of === 0 ? '–' : (part / of).toFixed(3));
  return `| ${name} | ${requests} | ${share(both, said)} | ${share(both, wanted)} | ${share(2 * both, said + wanted)} | ${share(exact, requests)} |`;
};
const table = (title, rows) =>
  console.log([`| ${title} | requests | precision | recall | F1 | all right |`, '|---|---|---|---|---|---|', ...rows, ''].join('\n'));

const inputOf = ({ text, tools, given_steps: givenSteps }) => ({
  goal: text,
  ...(tools ? { tools: tools.map(String) } : {}),
  ...(givenSteps ? { givenSteps } : {}),
});
const patternOf = ({ text, tools, given_steps: givenSteps }) =>
  recognise({ text, ...(tools ? { tools: tools.map(String) } : {}), ...(givenSteps ? { givenSteps } : {}) }).pattern;
const planned = (record, pattern, agents) => {
  const outcome = plan({ ...inputOf(record), pattern, agents });
  return 'unplannable' in outcome ? [] : outcome.steps;
};
const edge = (from, to) => `${from}>${to}`;
/** One worker is registered, described by the request itself, so that edges are measured whatever steps are matched to. */
const edgesOf = (record, pattern) =>
  planned(record, pattern, [{ capability: 'any', description: record.text }]).flatMap(({ dependsOn }, to) =>
    dependsOn.map((id) => edge(Number(id.slice(1)) - 1, to)),
  );
const chainOf = (steps) => Array.from({ length: Math.max(0, steps - 1) }, (_, i) => edge(i, i + 1));

const graphs = dev.filter(({ edges, steps }) => edges && steps > 1);
const SAYERS = {
  'pattern recognised': (record) => edgesOf(record, patternOf(record)),
  'pattern given': (record) => edgesOf(record, record.label),
  'always a chain of as many steps as are true': ({ steps }) => chainOf(steps),
};
for (const [name, say] of Object.entries(SAYERS)) {
  const bySource = new Map([['all', tally()]]);
  for (const record of graphs) {
    const said = say(record);
    const wanted = record.edges.map(([from, to]) => edge(from, to));
    if (!bySource.has(record.source)) bySource.set(record.source, tally());
    for (const of of ['all', record.source]) add(bySource.get(of), said, wanted);
  }
  table(
    `edges, ${name}`,
    [...bySource].sort(([a], [b]) => (a < b ? -1 : 1)).map(([source, counts]) => row(source, counts)),
  );
}

/** getHRStrategy: "get HR strategy". A call's name is all that the data tell of it. */
const wordsOf = (call) =>
  call
    .replace(/([a-z0-9])([A-Z])/gu, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/gu, '$1 $2')
    .replace(/[_.-]+/gu, ' ');
const calls = [...new Set([...train, ...dev].flatMap(({ gold_calls: called }) => called ?? []))].sort();
const registered = calls.map((call) => ({ capability: call, description: wordsOf(call) }));
const counts = new Map(
  ['one call', 'several calls'].flatMap((calls) => ['recognised', 'given'].map((how) => [`${calls}, pattern ${how}`, tally()])),
);
for (const record of dev.filter(({ gold_calls: called }) => called?.length > 0)) {
  const { gold_calls: called, label } = record;
  const said = (pattern) => planned(record, pattern, registered).map(({ capability }) => capability);
  const number = called.length === 1 ? 'one call' : 'several calls';
  add(counts.get(`${number}, pattern recognised`), said(patternOf(record)), called);
  add(counts.get(`${number}, pattern given`), said(label), called);
}
table(
  `capabilities among ${calls.length}`,
  [...counts].map(([name, count]) => row(name, count)),
);
