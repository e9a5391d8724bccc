/** The demonstration: delegations that run before the reader's eyes. */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@mandate/kernel';
import { callApi, readEvents } from './http.js';
import { Narrator, type ToldEvent } from './narrate.js';
import type { Credentials } from './secrets.js';
import type { Terminal } from './terminal.js';

export interface DemoRequest {
  goal: string;
  input?: unknown;
}

interface Settled {
  result?: unknown;
}

const RESULT_LINES = 4;
const LINE_WIDTH = 110;

/** The beginning of a result, as text. */
const excerpt = (result: unknown): string[] => {
  const text = typeof result === 'string' ? result : JSON.stringify(result, null, 1);
  const lines = (text ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /[^{}[\],]/.test(line));
  const shown = lines.slice(0, RESULT_LINES).map((line) => (line.length > LINE_WIDTH ? `${line.slice(0, LINE_WIDTH - 1)}…` : line));
  return lines.length > RESULT_LINES ? [...shown, '…'] : shown;
};

/** Long enough for a demonstration, short enough for whoever waits for it. */
const DEADLINE = 'PT2M';
const GIVE_UP_MS = 150_000;
const RETRY_MS = 300;

/** Follows a delegation to its end, across restarts of the services. */
const follow = async (credentials: Credentials, id: string, narrator: Narrator, signal: AbortSignal): Promise<void> => {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (let position = 0; !narrator.ended && performance.now() < giveUpAt; await delay(RETRY_MS, undefined, { signal })) {
    try {
      for await (const event of readEvents<ToldEvent>(credentials, `/api/delegations/${id}/events?after=${position}`, signal)) {
        position = event.position;
        narrator.tell(event);
        if (narrator.ended) return;
      }
    } catch (error) {
      if (signal.aborted || error instanceof AppError) throw error;
    }
  }
};

/** Delegates one goal and tells each event as it happens. Throws AppError `DEMO_FAILED` when it does not complete. */
export const showDelegation = async (
  terminal: Terminal,
  credentials: Credentials,
  request: DemoRequest,
  signal: AbortSignal,
): Promise<void> => {
  terminal.line(`  ${terminal.paint('bold', `"${request.goal}"`)}`);
  const body = { budget: { deadline: DEADLINE }, ...request };
  const { id } = await callApi<{ id: string }>(credentials, 'POST', '/api/delegations', body);
  const narrator = new Narrator(terminal);
  await follow(credentials, id, narrator, signal);
  if (!narrator.succeeded)
    throw new AppError('DEMO_FAILED', 'unavailable', `Delegation ${id} did not complete; see: npx mandate status ${id}`);
  const settled = await callApi<Settled>(credentials, 'GET', `/api/delegations/${id}`);
  for (const line of excerpt(settled.result)) terminal.line(`      ${terminal.paint('dim', line)}`);
  terminal.line();
};
