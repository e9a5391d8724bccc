/** `npm run simulate -- [--seeds 10000] [--seed S]`: many runs, or one of them. Exit 1 with the seed and a minimal trace when a rule is broken. */
import { parseArgs } from 'node:util';
import { scenarioOf } from './scenes.js';
import { shrink } from './shrink.js';
import { simulate } from './world.js';

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '10000' }, seed: { type: 'string' } } });
const first = Number(values.seed ?? 1);
const count = values.seed === undefined ? Number(values.seeds) : 1;
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
  console.error('simulate: --seeds and --seed are whole numbers');
  process.exit(2);
}

const startedAt = Date.now();
let appends = 0;
for (let seed = first; seed < first + count; seed++) {
  const scenario = scenarioOf(seed);
  const { violation, appends: made } = simulate(scenario);
  appends += made;
  if (violation) {
    const { violation: shrunk, trace } = simulate(shrink(scenario, violation), { traced: true });
    console.log(
      [...trace, '', `seed ${seed}: ${shrunk?.invariant ?? ''}: ${shrunk?.detail ?? ''}`, `again: npm run simulate -- --seed ${seed}`].join(
        '\n',
      ),
    );
    process.exit(1);
  }
  if (process.stderr.isTTY && seed % 100 === 0) process.stderr.write(`\r${seed - first + 1} of ${count}`);
}
console.log(`${count} seeds from ${first}: every rule held over ${appends} appends, ${((Date.now() - startedAt) / 1_000).toFixed(1)} s`);
