import { describe, expect, it } from '@jest/globals';
import { run } from './run.js';

describe('run', () => {
  it('answers status and output, and gives the input', async () => {
    expect(await run('sh', ['-c', 'cat; echo err >&2; exit 3'], { input: 'in' })).toMatchObject({ status: 3, stdout: 'in' });
  });
  it('gives up a command that is missing, silent or endless', async () => {
    expect(await run('/nonexistent/program', [])).toMatchObject({ status: null, stdout: '' });
    expect(await run('sleep', ['60'], { firstOutputMs: 20 })).toMatchObject({ status: null });
    expect(await run('sh', ['-c', 'echo begun; exec sleep 60'], { firstOutputMs: 1_000, timeoutMs: 300 })).toMatchObject({
      status: null,
      stdout: 'begun\n',
    });
  });
});
