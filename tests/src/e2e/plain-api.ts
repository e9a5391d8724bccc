/** The HTTP API with nothing but fetch. */
import { until } from '@mandate/testing';
import type { Document } from './plain-requester.js';

export interface Answered<Body = Document> {
  status: number;
  headers: Headers;
  body: Body;
  text: string;
}

export interface View {
  id: string;
  state: string;
  goal: unknown;
  pattern: string | null;
  confidence: number | null;
  decision: { chosen: string; alternatives: { pattern: string; confidence: number }[]; model: string; fallback: string | null } | null;
  steps: {
    id: string;
    capability: string;
    state: string;
    attempt: number;
    dependsOn: string[];
    worker: string | null;
    startedAt: string | null;
    endedAt: string | null;
    output?: unknown;
    error?: { code: string; message: string };
  }[];
  approvals?: { scope: string; stepId?: string; digest: string; expiresAt: string; subject: Document }[];
  result?: unknown;
  error?: { code: string; message: string };
  createdAt: string;
  startAt?: string;
  endedAt?: string;
}

export interface Event {
  position: number;
  id: string;
  type: string;
  time: string;
  data: Document;
}

export class PlainApi {
  constructor(readonly url: string) {}

  get<Body = Document>(path: string, headers: Record<string, string> = {}): Promise<Answered<Body>> {
    return this.send<Body>(path, { headers });
  }

  /** A string goes out as it is, anything else as JSON. */
  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answered> {
    return this.send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  async view(id: string): Promise<View> {
    return (await this.get<View>(`/api/delegations/${id}`)).body;
  }

  async events(id: string): Promise<Event[]> {
    return (await this.get<{ items: Event[] }>(`/api/delegations/${id}/events?limit=200`)).body.items;
  }

  /** Waits until the delegation is in this state; final states are never left. */
  inState(id: string, state: string, timeoutMs = 15_000): Promise<View> {
    return until(
      async () => {
        const view = await this.view(id);
        return view.state === `TASK_STATE_${state}` && view;
      },
      { what: `${id} to be ${state}`, timeoutMs },
    );
  }

  private async send<Body>(path: string, init: RequestInit): Promise<Answered<Body>> {
    const response = await fetch(`${this.url}${path}`, init);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as Body, text };
  }
}
