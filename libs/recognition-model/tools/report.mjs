// The figures of docs/recognition.md, between its marks, and two charts in docs/recognition/.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import {
  calibrationErrorOf,
  confusionOf,
  DEFAULT_FALLBACK_THRESHOLD,
  examine,
  familiesOf,
  figuresOf,
  judge,
  modelWithout,
  ORDER,
  randomFrom,
  reliabilityOf,
  selectiveOf,
  teach,
  tenantRecogniser,
  writtenHeldOut,
} from '@mandate/recognition/training';
import { chart } from './charts.mjs';
import { goalOf, isGoal } from './requests.mjs';
import { speedOf } from './speed.mjs';

const docs = new URL('../../../docs/', import.meta.url);
const digits = (value, places = 3) => (Number.isNaN(value) ? '–' : value.toFixed(places));

const answersOf = (model, examples) =>
  examples.map((example) => {
    const { chances, facts } = examine(model, example.input);
    return judge(example, chances, facts.sketch.counted ? facts.sketch.parts.length : undefined);
  });

const COLUMNS = ['n', 'accuracy', 'macro-F1', 'ECE', 'mean confidence', 'surest 80%', 'falls back', 'steps ±1'];
export const row = (name, answers) => {
  const { n, accuracy, macroF1, calibrationError, confidence, surest, fallback, steps } = figuresOf(answers, DEFAULT_FALLBACK_THRESHOLD);
  return `| ${name} | ${n} | ${[accuracy, macroF1, calibrationError, confidence, surest, fallback, steps].map((value) => digits(value)).join(' | ')} |`;
};
export const table = (first, rows) =>
  [`| ${first} | ${COLUMNS.join(' | ')} |`, `|${'---|'.repeat(COLUMNS.length + 1)}`, ...rows].join('\n');

const confusionTable = (answers) =>
  [
    `| truth \\ answer | ${ORDER.join(' | ')} |`,
    `|${'---|'.repeat(ORDER.length + 1)}`,
    ...confusionOf(answers).map((counts, truth) => `| ${ORDER[truth]} | ${counts.join(' | ')} |`),
  ].join('\n');

/** A stream of requests of one family that the model never met, each answered before it is learned. */
const online = (model, examples, seed, length) => {
  const random = randomFrom(seed);
  const stream = examples
    .map((example) => ({ example, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, length)
    .map(({ example }) => example);
  const tenant = tenantRecogniser(model);
  return stream.map((example) => {
    const { recognition, learn } = tenant.answer(example.input);
    learn(example.label);
    return judge(
      example,
      ORDER.map((pattern) => recognition.alternatives.find((one) => one.pattern === pattern).confidence),
      recognition.steps,
    );
  });
};

const STREAM = 800;
/** One stream is one draw: three say it with less chance in it. */
const SEEDS = [7, 8, 9];
const half = (streams, second) =>
  streams.flatMap((answers) => answers.slice(second ? answers.length / 2 : 0, second ? undefined : answers.length / 2));

/** Everything that is measured once: on the same sources, on sources left out, and on those while learning. */
const measure = ({ model, header, set, whole, dev, apart, families, cases }) => {
  const { examples, written } = set;
  const inSource = answersOf(model, dev);
  const all = [...examples, ...dev];
  const strangers = familiesOf(examples).map((family) => {
    const without = modelWithout(family, families, cases, header);
    const own = all.filter((example) => example.family === family);
    return { family, answers: answersOf(without, own), streams: SEEDS.map((seed) => online(without, own, seed, STREAM)) };
  });
  const sources = [...new Set(dev.map(({ source }) => source))].sort();
  const parts = sources
    .filter(
      (source) => strangers.every(({ family }) => family !== source && !source.startsWith(`${family}_`)) || source.startsWith('taskbench'),
    )
    .map((source) => {
      const kept = examples.filter((example) => example.source !== source);
      return {
        source,
        answers: answersOf(
          { ...model, ...teach({ examples: kept, written }) },
          all.filter((example) => example.source === source),
        ),
      };
    });
  const manners = writtenHeldOut(set, whole).map(({ taught, example }) => ({
    goal: isGoal(example),
    answer: answersOf({ ...model, ...taught }, [example])[0],
  }));
  return { inSource, sources, strangers, parts, manners, apart: answersOf(model, apart) };
};

/** Goals without the steps that AsyncHow gives for them: text that says nothing of how it is built. */
const goalsOnly = (model, dev) =>
  dev
    .filter(({ input }) => (input.givenSteps?.length ?? 0) > 1)
    .map(goalOf)
    .map((text) => Math.max(...examine(model, { text }).chances) < DEFAULT_FALLBACK_THRESHOLD);

const tables = ({ inSource, sources, strangers, parts, manners, apart: kept }, dev, apart) => {
  const out = strangers.flatMap(({ answers }) => answers);
  const one = [...parts, ...strangers.filter(({ family }) => parts.every(({ source }) => !source.startsWith(family)))];
  return [
    '### Requests of the same sources (dev) beside requests of sources it never met (train and dev)',
    table('', [
      row('**same sources**', inSource),
      row(
        '**one source left out in turn**',
        one.flatMap(({ answers }) => answers),
      ),
      row('**one family left out in turn**', out),
      row('**written requests kept apart**', kept),
      row(
        'written requests, their manner left out in turn',
        manners.filter(({ goal }) => !goal).map(({ answer }) => answer),
      ),
      row(
        'family left out, online, first half',
        strangers.flatMap(({ streams }) => half(streams, false)),
      ),
      row(
        '**family left out, online, second half**',
        strangers.flatMap(({ streams }) => half(streams, true)),
      ),
    ]),
    '### By source',
    table(
      'same sources',
      sources.map((source) =>
        row(
          source,
          inSource.filter((_, i) => dev[i].source === source),
        ),
      ),
    ),
    table('left out', [
      ...strangers.map(({ family, answers }) => row(family, answers)),
      ...parts.map(({ source, answers }) => row(`${source} alone`, answers)),
    ]),
    table(
      'written, kept apart',
      [...new Set(apart.map(({ source }) => source))].sort().map((source) =>
        row(
          source.replace('apart_', ''),
          kept.filter((_, i) => apart[i].source === source),
        ),
      ),
    ),
    table(
      'left out, online, second half',
      strangers.map(({ family, streams }) => row(family, half(streams, true))),
    ),
    '### Confusion',
    'Same sources:',
    confusionTable(inSource),
    'Family left out:',
    confusionTable(out),
    'Written requests kept apart:',
    confusionTable(kept),
    '### Reliability and selection',
    '![How often answers of a confidence are right](recognition/reliability.svg) ![Accuracy of the surest answers](recognition/selective.svg)',
  ];
};

const drawCharts = ({ inSource, strangers, apart }) => {
  const out = strangers.flatMap(({ answers }) => answers);
  const second = strangers.flatMap(({ streams }) => half(streams, true));
  const lines = (of) => [
    { name: 'same sources', points: of(inSource) },
    { name: 'family left out', points: of(out) },
    { name: 'written, kept apart', points: of(apart) },
    { name: 'left out, online, 2nd half', points: of(second) },
  ];
  mkdirSync(new URL('recognition/', docs), { recursive: true });
  const reliability = lines((answers) => reliabilityOf(answers).map(({ confidence, accuracy }) => [confidence, accuracy]));
  const title = `Reliability (ECE ${digits(calibrationErrorOf(inSource))} and ${digits(calibrationErrorOf(out))})`;
  writeFileSync(new URL('recognition/reliability.svg', docs), chart(title, 'confidence', 'share right', reliability, true));
  const selective = lines((answers) => selectiveOf(answers).map(({ coverage, accuracy }) => [coverage, accuracy]));
  writeFileSync(
    new URL('recognition/selective.svg', docs),
    chart('Accuracy of the surest', 'share of requests, surest first', 'accuracy', selective, false),
  );
};

export const writeReport = (trained) => {
  const { model, digest, size, header, set, dev, apart } = trained;
  const measured = measure(trained);
  const speed = speedOf(model, dev);
  const goals = goalsOnly(model, dev);
  const ours = measured.manners.filter(({ goal }) => goal).map(({ answer }) => answer.confidence < DEFAULT_FALLBACK_THRESHOLD);
  const share = (falls) => digits(falls.filter(Boolean).length / falls.length);
  const text = [
    `Model ${header.name} ${header.version}, ${(size / 1024 / 1024).toFixed(2)} MiB, SHA-256 \`${digest}\`; trained on ${set.examples.length} requests of the sources and ${set.written.length} written ones, SHA-256 of both \`${header.trainedOn}\`.`,
    `Median ${speed.median.toFixed(3)} ms, p99 ${speed.p99.toFixed(3)} ms a request, ${Math.round(speed.rate)} a second of CPU on the machine that trained it (the fastest of nine readings each).`,
    `Text that says nothing of how it is built: ${share(goals)} of ${goals.length} goals of AsyncHow without their steps fall back, and ${share(ours)} of ${ours.length} written ones, left out in turn.`,
    ...tables(measured, dev, apart),
  ].join('\n\n');
  const page = new URL('recognition.md', docs);
  const marked = /(<!-- figures -->\n)[\s\S]*(\n<!-- end of figures -->)/;
  writeFileSync(
    page,
    readFileSync(page, 'utf8').replace(marked, (_, from, to) => `${from}\n${text}\n${to}`),
  );
  drawCharts(measured);
};
