// How fast the shipped recogniser is: npm run measure:recogniser -- --data DIR. DIR holds dev.jsonl, as for training.
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { shippedModel } from '../dist/index.js';
import { readRequests } from './requests.mjs';
import { speedOf } from './speed.mjs';

const { values } = parseArgs({ options: { data: { type: 'string' } } });
if (!values.data) {
  console.error('usage: measure-speed.mjs --data DIR');
  process.exit(2);
}
const { median, p99, rate } = speedOf(shippedModel(), readRequests(join(values.data, 'dev.jsonl')));
console.log(
  `median ${median.toFixed(3)} ms, p99 ${p99.toFixed(3)} ms a request, ${Math.round(rate)} a second of CPU, at a load of ${loadavg()[0].toFixed(1)}`,
);
