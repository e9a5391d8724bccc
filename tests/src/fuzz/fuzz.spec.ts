import { expect, it } from '@jest/globals';
import { runFuzz } from './fuzz.js';

it('answers or parks every hostile message, and nothing good suffers', async () => {
  const { failures, ...report } = await runFuzz({ messages: 1_500, seed: 20_260_101, quietSeconds: 3 });
  expect(failures).toEqual([]);
  expect(report.sent).toBe(1_500);
  expect(report.kinds).toBeGreaterThan(80);
  expect(report.good.storm).toBeGreaterThan(100);
}, 120_000);
