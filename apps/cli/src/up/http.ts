/** The little HTTP that the demonstration needs, on Node's own client: `fetch` would cost the supervisor 15 MB. */
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { AppError } from '@mandate/kernel';
import type { Credentials } from './secrets.js';

const send = async (
  { apiUrl, apiKey }: Credentials,
  method: 'GET' | 'POST',
  path: string,
  headers: Record<string, string>,
  body?: string,
  signal?: AbortSignal,
): Promise<IncomingMessage> => {
  const outgoing = request(new URL(path, apiUrl), {
    method,
    headers: { authorization: `Bearer ${apiKey}`, ...headers },
    ...(signal ? { signal } : {}),
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
};

const textOf = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

const refused = (path: string, status: number | undefined, body: string): AppError =>
  new AppError('API_REFUSED', 'unavailable', `${path} answers ${status}: ${body.slice(0, 500)}`, { path, status });

/** Throws AppError `API_REFUSED` unless the answer is a success. */
export const callApi = async <T>(credentials: Credentials, method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> => {
  const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await send(credentials, method, path, headers, body === undefined ? undefined : JSON.stringify(body));
  const text = await textOf(response);
  if ((response.statusCode ?? 500) >= 300) throw refused(path, response.statusCode, text);
  return JSON.parse(text) as T;
};

/** The `data` of server-sent events, until the server ends the stream. */
export async function* readEvents<T>(credentials: Credentials, path: string, signal: AbortSignal): AsyncGenerator<T> {
  const response = await send(credentials, 'GET', path, { accept: 'text/event-stream' }, undefined, signal);
  if (response.statusCode !== 200) throw refused(path, response.statusCode, await textOf(response));
  for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
    if (line.startsWith('data:')) yield JSON.parse(line.slice(5)) as T;
  }
}
