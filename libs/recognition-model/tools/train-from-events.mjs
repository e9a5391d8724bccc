// A model from a tenant's own lessons, alone or as one more source beside labelled requests. The same log up to a position gives the same bytes,
// as long as nothing of it is erased.
import { createHash, createPublicKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  combined,
  encodeModel,
  exampleOf,
  heldOutCases,
  judge,
  modelWithout,
  ORDER,
  teach,
  teachWithoutFamilies,
  trainModel,
  trustIn,
} from '@mandate/recognition/training';
import { shippedModel, signatureOf, vkeyOf } from '../dist/index.js';
import { readLessons } from './lessons.mjs';
import { row, table } from './report.mjs';
import { provenanceOf, readRequests, WRITTEN } from './requests.mjs';

/** A fold of fewer than fifty says nothing of how good a model is, and there are four. */
const LEAST = 200;
const FAMILY = 'tenant';
const digestOf = (bytes) => createHash('sha256').update(bytes).digest('hex');

const judged = (gate, cases) =>
  cases.map(({ truth, familiarity, learned, strange }) =>
    judge({ label: ORDER[truth], accept: [ORDER[truth]] }, combined(gate, trustIn(gate, familiarity), learned, strange)),
  );

export const trainFromEvents = async ({ tenant, to: wanted, out, data, version }, key, note) => {
  if (wanted !== undefined && !/^[1-9][0-9]{0,14}$/.test(wanted))
    throw new Error('--to is a position of the log: a whole number from 1 on');
  const { requests, erased, to } = await readLessons(tenant, wanted && Number(wanted));
  note(`${requests.length} lessons of ${tenant} up to position ${to}; ${erased} left out, because their goals were erased`);
  if (requests.length < LEAST) {
    console.error(
      `${requests.length} lessons are too few: with less than ${LEAST}, folds of under fifty would say nothing of how good the model is`,
    );
    return 1;
  }
  const all = [...(data ? readRequests(join(data, 'train.jsonl')) : []), ...requests];
  const shipped = shippedModel();
  // What anybody's requests teach, the shipped model has learned.
  const set = { examples: all.map(exampleOf), written: [], general: shipped.general };
  const whole = teach(set);
  const families = teachWithoutFamilies(set, note);
  const cases = heldOutCases(set, whole, families, note);
  const provenance = [
    ...provenanceOf(set.examples).map((one) =>
      one.source === FAMILY ? { ...one, licence: `the tenant's own lessons up to position ${to}` } : one,
    ),
    ...shipped.header.provenance.filter(({ source }) => source === WRITTEN),
  ];
  const header = {
    name: 'learned-structure',
    version,
    trainedOn: digestOf(JSON.stringify([shipped.header.trainedOn, all])),
    provenance,
    tenant,
  };
  const model = trainModel(whole, cases, header);
  const bytes = encodeModel(model);
  const digest = digestOf(bytes);
  const own = (known) => cases.filter((one) => one.family === FAMILY && one.known === known);
  const rows = [row('by folds', judged(model.gate, own(true)))];
  if (families.has(FAMILY)) rows.push(row('left out', judged(modelWithout(FAMILY, families, cases, header).gate, own(false))));
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'recogniser.bin'), bytes);
  writeFileSync(join(out, 'recogniser.sha256'), `${digest}\n`);
  writeFileSync(
    join(out, 'report.md'),
    `SHA-256 \`${digest}\`; ${requests.length} lessons up to position ${to}, ${erased} erased.\n\n${table(FAMILY, rows)}\n`,
  );
  if (key) {
    writeFileSync(join(out, 'recogniser.sig'), `${signatureOf(bytes, key)}\n`);
    writeFileSync(join(out, 'recogniser.pub'), createPublicKey(key).export({ type: 'spki', format: 'pem' }));
  }
  console.log(JSON.stringify({ tenant, to, lessons: requests.length, erased, digest, ...(key ? { vkey: vkeyOf(key) } : {}) }));
  return 0;
};
