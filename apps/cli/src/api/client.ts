/** HTTP to the gateway. Problems and silence become CliErrors with their exit status. */
import type {
  Acknowledgement,
  AgentView,
  DeadLetterItem,
  DeadLettersSettled,
  DeadLetterView,
  DelegationListItem,
  DelegationRequest,
  DelegationView,
  EventView,
  ExplanationView,
  NewSchedule,
  Page,
  Problem,
  ScheduleChange,
  ScheduleView,
  ProposalView,
  ReputationChange,
  ReputationOverview,
  SchedulingChange,
  SchedulingView,
  TemplateView,
} from '@mandate/contracts';
import type { Access } from '../config.js';
import { CliError, EXIT, problemError, unreachable } from '../exit.js';
import { readEventStream } from './event-stream.js';

const SCHEDULES = '/api/delegations/schedules';
const TIMEOUT_MS = 30_000;
/** An answer may be older than the event that was just seen. */
const LAG_MS = 100;
const RECONNECT_TRIES = 30;

export interface SteeringBody {
  stepId?: string;
  questionId?: string;
  answer?: unknown;
  digest?: string;
  pattern?: string;
  reason?: string;
}

const FINAL_STATES = new Set(['TASK_STATE_COMPLETED', 'TASK_STATE_FAILED', 'TASK_STATE_CANCELED', 'TASK_STATE_REJECTED']);
const FINAL_EVENT = /\.(completed|failed|canceled|rejected)\.v\d+$/;
export const isFinalEvent = ({ type }: EventView): boolean => FINAL_EVENT.test(type);

export class ApiClient {
  constructor(
    private readonly access: Access,
    private readonly principal?: string,
  ) {}

  delegate(request: DelegationRequest): Promise<Acknowledgement> {
    return this.json('POST', '/api/delegations', request);
  }

  view(id: string): Promise<DelegationView> {
    return this.json('GET', `/api/delegations/${encodeURIComponent(id)}`);
  }

  /** The view of a delegation that has ended. */
  async finalView(id: string): Promise<DelegationView> {
    for (let tries = 0; ; tries++) {
      const view = await this.view(id);
      if (FINAL_STATES.has(view.state) || tries >= RECONNECT_TRIES) return view;
      await pause(LAG_MS);
    }
  }

  list(query: Record<string, string | undefined>): Promise<Page<DelegationListItem>> {
    const search = new URLSearchParams(Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined));
    return this.json('GET', `/api/delegations${search.size > 0 ? `?${search}` : ''}`);
  }

  steer(id: string, verb: 'cancel' | 'approve' | 'deny' | 'answer' | 'feedback', body: SteeringBody): Promise<Acknowledgement> {
    return this.json('POST', `/api/delegations/${encodeURIComponent(id)}/${verb}`, body);
  }

  templates(uses?: string): Promise<Page<TemplateView>> {
    return this.json('GET', `/api/delegations/templates${uses === undefined ? '' : `?uses=${encodeURIComponent(uses)}`}`);
  }

  explanation(id: string): Promise<ExplanationView> {
    return this.json('GET', `/api/delegations/${encodeURIComponent(id)}/explanation`);
  }

  agents(): Promise<Page<AgentView>> {
    return this.json('GET', '/api/agents');
  }

  deadLetters(query: Record<string, string>): Promise<Page<DeadLetterItem>> {
    const search = new URLSearchParams(query);
    return this.json('GET', `/api/delegations/dead-letters${search.size > 0 ? `?${search}` : ''}`);
  }

  deadLetter(id: string): Promise<DeadLetterView> {
    return this.json('GET', `/api/delegations/dead-letters/${encodeURIComponent(id)}`);
  }

  settleDeadLetters(verb: 'redrive' | 'discard', which: object): Promise<DeadLettersSettled> {
    return this.json('POST', `/api/delegations/dead-letters/${verb}`, which);
  }

  createSchedule(schedule: NewSchedule): Promise<ScheduleView> {
    return this.json('POST', SCHEDULES, schedule);
  }

  schedules(): Promise<Page<ScheduleView>> {
    return this.json('GET', `${SCHEDULES}?limit=200`);
  }

  schedule(id: string): Promise<ScheduleView> {
    return this.json('GET', `${SCHEDULES}/${encodeURIComponent(id)}`);
  }

  async changeSchedule(id: string, verb: 'pause' | 'resume' | 'delete', change: ScheduleChange): Promise<void> {
    const path = `${SCHEDULES}/${encodeURIComponent(id)}`;
    const init = { signal: AbortSignal.timeout(TIMEOUT_MS) };
    if (verb === 'delete') await this.request('DELETE', path, init);
    else
      await this.request('POST', `${path}/${verb}`, {
        ...init,
        body: JSON.stringify(change),
        headers: { 'content-type': 'application/json' },
      });
  }

  triggerSchedule(id: string): Promise<{ delegationId: string }> {
    return this.json('POST', `${SCHEDULES}/${encodeURIComponent(id)}/trigger`);
  }

  scheduling(): Promise<SchedulingView> {
    return this.json('GET', '/api/scheduling');
  }

  reputation(): Promise<ReputationOverview> {
    return this.json('GET', '/api/agents/reputation');
  }

  changeReputation(change: ReputationChange): Promise<ReputationOverview> {
    return this.json('POST', '/api/agents/reputation', change);
  }

  decideProposal(id: string, verb: 'accept' | 'dismiss', reason: string | undefined): Promise<ProposalView> {
    return this.json('POST', `/api/agents/proposals/${encodeURIComponent(id)}/${verb}`, reason === undefined ? {} : { reason });
  }

  changeScheduling(change: SchedulingChange): Promise<SchedulingView> {
    return this.json('POST', '/api/scheduling', change);
  }

  /** The value behind a `{"$ref"}`. */
  referred(path: string): Promise<unknown> {
    return this.json('GET', path);
  }

  /** Events after a position until the delegation has ended; picks up where it was when the connection breaks. */
  async *follow(id: string, after = 0): AsyncGenerator<EventView> {
    let last = after;
    for (let failures = 0; ; failures++) {
      try {
        const response = await this.request('GET', `/api/delegations/${encodeURIComponent(id)}/events`, {
          headers: { accept: 'text/event-stream', ...(last > 0 ? { 'last-event-id': String(last) } : {}) },
        });
        for await (const message of readEventStream(response.body)) {
          const event = JSON.parse(message.data) as EventView;
          if (event.position <= last) continue;
          failures = 0;
          last = event.position;
          yield event;
          if (isFinalEvent(event)) return;
        }
      } catch (error) {
        const lasting = error instanceof CliError && error.status !== EXIT.unreachable;
        if (lasting || last === after || failures >= RECONNECT_TRIES) throw error;
      }
      if (failures >= RECONNECT_TRIES) throw unreachable(this.access.apiUrl, 'the event stream ends again and again');
      await pause(LAG_MS * Math.min(failures + 1, 20));
    }
  }

  async text(path: string): Promise<string> {
    return Buffer.from(await this.bytes(path)).toString('utf8');
  }

  async bytes(path: string): Promise<Uint8Array> {
    const response = await this.request('GET', path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const pieces: Uint8Array[] = [];
    for await (const piece of piecesOf(response)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** One JSON document. */
  async json<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await this.request(method, path, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    });
    try {
      return (await response.json()) as T;
    } catch {
      throw unreachable(this.access.apiUrl, `what answers there is not Mandate (${method} ${path} gave no JSON)`);
    }
  }

  /** An answer that is read by the caller, however long it lasts. */
  async request(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.access.apiKey) headers.set('authorization', `Bearer ${this.access.apiKey}`);
    if (this.principal) headers.set('mandate-principal', this.principal);
    let response: Response;
    try {
      response = await fetch(new URL(path, this.access.apiUrl), { ...init, method, headers });
    } catch (error) {
      throw unreachable(this.access.apiUrl, reasonOf(error));
    }
    if (!response.ok) throw await failureOf(response, this.access.apiUrl);
    return response;
  }
}

/** What is answered, as it comes. Throws CliError `BROKEN_OFF` when that ends before it is all there. */
export async function* piecesOf({ body }: Response): AsyncGenerator<Uint8Array> {
  try {
    if (body) yield* body as unknown as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new CliError(
      'BROKEN_OFF',
      `the answer broke off before its end: ${reasonOf(error)}`,
      EXIT.unreachable,
      'try again; when it breaks off there again, the service’s log says why',
    );
  }
}

const failureOf = async (response: Response, apiUrl: string): Promise<CliError> => {
  const body = (await response.json().catch(() => null)) as Partial<Problem> | null;
  if (typeof body?.code === 'string')
    return problemError({ type: '', title: response.statusText, detail: '', status: response.status, code: body.code, ...body });
  return unreachable(apiUrl, `it answered ${response.status} without saying why`);
};

const reasonOf = (error: unknown): string => {
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
  if (cause?.code === 'ECONNREFUSED') return 'nothing listens there';
  if ((error as Error).name === 'TimeoutError') return 'no answer in time';
  return cause?.message || (error as Error).message;
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
