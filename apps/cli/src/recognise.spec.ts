import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { recogniseLines } from './recognise.js';
import { run as runCli } from './run.js';

const collect = (): { stream: Writable; text: () => string } => {
  const chunks: string[] = [];
  return { stream: new Writable({ write: (chunk, _, done) => (chunks.push(String(chunk)), done()) }), text: () => chunks.join('') };
};

const run = async (
  lines: string[],
  options: { online?: boolean } = {},
): Promise<{ bad: number; answers: Record<string, unknown>[]; errors: string }> => {
  const out = collect();
  const err = collect();
  const bad = await recogniseLines(Readable.from(lines.map((line) => `${line}\n`)), out.stream, err.stream, options);
  return {
    bad,
    answers: out
      .text()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>),
    errors: err.text(),
  };
};

describe('mandate recognise', () => {
  it('answers each line in order, with all four alternatives', async () => {
    const { bad, answers } = await run([
      '{"id":"a","text":"Summarise these three reports and then write a recommendation"}',
      '',
      '{"id":"b","text":"How to make tea 1. boil water 2. pour","given_steps":["boil water","pour"],"tools":["kettle",{"id":"cup"}],"outcome":"sequential"}',
    ]);
    expect(bad).toBe(0);
    expect(answers).toHaveLength(2);
    expect(answers[0]).toMatchObject({ id: 'a', pattern: 'sequential', fallback: false, steps: 2 });
    expect(answers[1]).toMatchObject({ id: 'b', steps: 2 });
    for (const { alternatives } of answers) {
      const chances = (alternatives as { pattern: string; confidence: number }[]).map(({ confidence }) => confidence);
      expect(chances).toHaveLength(4);
      expect(Math.abs(chances.reduce((a, b) => a + b, 0) - 1)).toBeLessThan(1e-9);
    }
  });

  it('says which lines are bad and goes on', async () => {
    const { bad, answers, errors } = await run([
      '{"id":"a","text":"Translate this"}',
      'no json',
      '[]',
      '{"text":"no id"}',
      '{"id":"e","text":" "}',
      '{"id":"f","text":"x","tools":[1]}',
      '{"id":"g","text":"x","given_steps":"y"}',
      '{"id":"h","text":"x","outcome":"maybe"}',
      '{"id":"z","text":"Translate that"}',
    ]);
    expect(bad).toBe(7);
    expect(answers.map(({ id }) => id)).toEqual(['a', null, null, null, 'e', 'f', 'g', 'h', 'z']);
    expect(answers[1]).toEqual({ id: null, error: { code: 'BAD_JSON', message: 'the line is not JSON' } });
    expect(errors).toContain('line 2: BAD_JSON');
    expect(errors).toContain('line 5: BAD_REQUEST: "text"');
    expect(errors.split('\n')).toHaveLength(8);
  });

  it('answers a line before it waits for the next one', async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    const done = recogniseLines(input, output, collect().stream);
    for (const id of ['a', 'b', 'c']) {
      input.write(`{"id":"${id}","text":"Translate this"}\n`);
      const [answer] = (await once(output, 'data')) as [Buffer];
      expect(JSON.parse(String(answer))).toMatchObject({ id });
    }
    input.end();
    expect(await done).toBe(0);
  });

  it('writes answers to lines that came together in one go', async () => {
    const written: string[] = [];
    const output = new Writable({ write: (chunk, _, next) => (written.push(String(chunk)), next()) });
    const lines = Array.from({ length: 20 }, (_, i) => `{"id":"${i}","text":"Translate this"}\n`);
    expect(await recogniseLines(Readable.from([lines.join('')]), output, collect().stream)).toBe(0);
    expect(written.join('').trim().split('\n')).toHaveLength(20);
    expect(written.length).toBeLessThan(5);
  });

  it('waits for a slow reader', async () => {
    const input = new PassThrough();
    const output = new PassThrough({ highWaterMark: 1_024 });
    const done = recogniseLines(input, output, collect().stream);
    let sent = 0;
    const source = Readable.from(
      (function* () {
        for (; sent < 5_000; sent++) yield `{"id":"${sent}","text":"Translate this"}\n`;
      })(),
    );
    source.pipe(input);
    let answers = '';
    for await (const chunk of output) {
      if (answers === '') expect(sent).toBeLessThan(5_000);
      answers += String(chunk);
      if (answers.split('\n').length === 5_001) output.end();
    }
    expect(await done).toBe(0);
  });

  const contrary = Array.from({ length: 60 }, (_, i) =>
    JSON.stringify({ id: String(i), text: `Summarise report ${i} of the harbour and then write a letter about it`, outcome: 'parallel' }),
  );

  it('learns from outcomes with --online, a line after its answer, the same way each time', async () => {
    const { answers } = await run(contrary, { online: true });
    expect(answers[0]).toMatchObject({ pattern: 'sequential' });
    expect(answers[59]).toMatchObject({ pattern: 'parallel', fallback: false });
    expect((await run(contrary, { online: true })).answers).toEqual(answers);
    expect((await run(contrary.slice(0, 1), { online: true })).answers).toEqual(answers.slice(0, 1));
  });

  it('takes no notice of outcomes without it', async () => {
    const { answers } = await run(contrary);
    expect(new Set(answers.map(({ pattern }) => pattern))).toEqual(new Set(['sequential']));
    expect((await run(contrary.slice(5, 6))).answers).toEqual(answers.slice(5, 6));
  });

  it('refuses an option that it does not have', async () => {
    const streams = { stdout: collect().stream, stderr: collect().stream };
    expect(await runCli({ args: ['recognise', '--offline'], streams, env: {}, cwd: '.' })).toBe(2);
    expect(await runCli({ args: ['recognise', 'file.jsonl'], streams, env: {}, cwd: '.' })).toBe(2);
  });
});
