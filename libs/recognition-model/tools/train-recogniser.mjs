// Trains the recogniser, signs it and writes its report: npm run train:recogniser -- --data DIR [--key PRIVATE.pem | --new-key PRIVATE.pem] [--version V]
// npm run train:recogniser -- --from-events --tenant T --out DIR [--to POSITION] [--data DIR] [--key … | --new-key …] learns from a tenant's own lessons.
// DIR holds train.jsonl and dev.jsonl. The same data give the same model, byte for byte. Without a key the model is trained, compared with
// the one that ships, and left out.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeModel, encodeModel, exampleOf, heldOutCases, teach, teachWithoutFamilies, trainModel } from '@mandate/recognition/training';
import { signatureOf } from '../dist/index.js';
import { digestOfTraining, provenanceOf, provenanceOfWritten, readApart, readRequests, readWritten } from './requests.mjs';
import { writeReport } from './report.mjs';
import { trainFromEvents } from './train-from-events.mjs';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    key: { type: 'string' },
    'new-key': { type: 'string' },
    'from-events': { type: 'boolean', default: false },
    tenant: { type: 'string' },
    to: { type: 'string' },
    out: { type: 'string' },
    version: { type: 'string', default: '5' },
  },
});
if (values['from-events'] ? !(values.tenant && values.out) : !values.data) {
  console.error('usage: train-recogniser.mjs --data DIR [--key PRIVATE.pem | --new-key PRIVATE.pem] [--version V]');
  console.error(
    '       train-recogniser.mjs --from-events --tenant T --out DIR [--to POSITION] [--data DIR] [--key … | --new-key …] [--version V]',
  );
  process.exit(2);
}

const started = performance.now();
const note = (message) => console.error(`${((performance.now() - started) / 1000).toFixed(0)} s: ${message}`);
const digestOf = (bytes) => createHash('sha256').update(bytes).digest('hex');
const shipped = (name) => new URL(`../model/${name}`, import.meta.url);

const keyFor = () => {
  if (values['new-key']) {
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(values['new-key'], privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
    return privateKey;
  }
  return values.key ? createPrivateKey(readFileSync(values.key)) : null;
};

const key = keyFor();
if (values['from-events']) process.exit(await trainFromEvents(values, key, note));
const file = join(values.data, 'train.jsonl');
const set = { examples: readRequests(file).map(exampleOf), written: readWritten().map(exampleOf) };
note(`${set.examples.length} requests of sources and ${set.written.length} written ones read`);
const whole = teach(set);
const families = teachWithoutFamilies(set, note);
const cases = heldOutCases(set, whole, families, note);
const header = {
  name: 'learned-structure',
  version: values.version,
  trainedOn: digestOfTraining(readFileSync(file)),
  provenance: [...provenanceOf(set.examples), provenanceOfWritten(set.written)],
};
const bytes = encodeModel(trainModel(whole, cases, header));
const digest = digestOf(bytes);
note(`model ${digest}, ${bytes.length} bytes`);

if (key) {
  writeFileSync(shipped('recogniser.bin'), bytes);
  writeFileSync(shipped('recogniser.sig'), `${signatureOf(bytes, key)}\n`);
  writeFileSync(shipped('recogniser.pub'), createPublicKey(key).export({ type: 'spki', format: 'pem' }));
} else {
  const same = digestOf(readFileSync(shipped('recogniser.bin'))) === digest;
  note(`no --key: nothing written; it is ${same ? 'the same as' : 'another than'} the model that ships`);
  process.exit(same ? 0 : 1);
}
writeReport({
  model: decodeModel(bytes),
  digest,
  size: bytes.length,
  header,
  set,
  whole,
  dev: readRequests(join(values.data, 'dev.jsonl')).map(exampleOf),
  apart: readApart().map(exampleOf),
  families,
  cases,
});
note('report written to docs/recognition.md');
