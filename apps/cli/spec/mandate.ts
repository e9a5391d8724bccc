/** The command line as a test runs it: against this API, with what it wrote. */
import { run } from '../src/run.js';
import type { ApiServer } from './api-server.js';

export interface Ran {
  status: number;
  out: string;
  err: string;
}

export const mandateOn = async (api: ApiServer, ...args: string[]): Promise<Ran> => {
  const ran = { out: '', err: '' };
  const streams = { stdout: { write: (text: string) => (ran.out += text) }, stderr: { write: (text: string) => (ran.err += text) } };
  const status = await run({ args, streams, env: { MANDATE_API_URL: api.url, NO_COLOR: '1' }, cwd: '/' });
  return { status, ...ran };
};
