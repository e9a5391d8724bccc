import { run } from '../src/run.js';

export interface Ran {
  status: number;
  out: string;
  err: string;
}

/** The command in this process, with what it prints. */
export const runMandate = async (args: string[], env: Record<string, string>, cwd: string): Promise<Ran> => {
  const ran = { out: '', err: '' };
  const streams = { stdout: { write: (text: string) => (ran.out += text) }, stderr: { write: (text: string) => (ran.err += text) } };
  const status = await run({ args, streams, env, cwd });
  return { status, ...ran };
};
