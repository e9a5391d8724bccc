// How fast a model reads requests, on a machine that others may use, too.
import { examine } from '@mandate/recognition/training';

const ROUNDS = 9;

/** The fastest of some readings of each request, and this thread's own time in the fastest round: others on the machine do not count. */
export const speedOf = (model, examples) => {
  const fastest = examples.map(() => Infinity);
  let rate = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.threadCpuUsage();
    examples.forEach(({ input }, i) => {
      const start = performance.now();
      examine(model, input);
      fastest[i] = Math.min(fastest[i], performance.now() - start);
    });
    const { user, system } = process.threadCpuUsage(before);
    rate = Math.max(rate, (1e6 * examples.length) / (user + system));
  }
  fastest.sort((a, b) => a - b);
  return { median: fastest[fastest.length >> 1], p99: fastest[Math.floor(fastest.length * 0.99)], rate };
};
