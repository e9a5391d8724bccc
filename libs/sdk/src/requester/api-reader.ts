/** Reads over HTTP what the bus only refers to. */
import { isFinal, type DelegationView, type EventView, type OutputReference, type Page, type Problem } from '@mandate/contracts/wire';
import type { JsonValue } from '@mandate/kernel';
import { backoffMs, pause } from '../backoff.js';
import { MandateError, ProblemError } from '../errors.js';
import { isObject } from '../wire.js';

const RETRY = { firstMs: 50, capMs: 2_000 };
const TRIES = 10;
const TIMEOUT_MS = 10_000;

export interface ApiAccess {
  apiUrl: string;
  token?: string;
  principal?: string;
}

export class ApiReader {
  constructor(private readonly access: ApiAccess) {}

  view(id: string, signal: AbortSignal): Promise<DelegationView> {
    return this.read(`/api/delegations/${id}`, signal);
  }

  /** The view of a delegation whose last event is known: asked again while the answer is older than that. */
  async finalView(id: string, signal: AbortSignal): Promise<DelegationView> {
    for (let attempt = 0; ; attempt++) {
      const view = await this.view(id, signal);
      if (isFinal(view.state) || attempt >= TRIES) return view;
      await pause(backoffMs(attempt, RETRY), signal);
    }
  }

  /** The result with large outputs put in the place of their references. */
  async result(view: DelegationView, signal: AbortSignal): Promise<JsonValue> {
    const { result = null } = view;
    if (isOutputReference(result)) return this.read(result.$ref, signal);
    if (!isObject(result)) return result;
    const entries = Object.entries(result).map(async ([id, value]): Promise<[string, JsonValue]> => [
      id,
      isOutputReference(value) ? await this.read(value.$ref, signal) : value,
    ]);
    return Object.fromEntries(await Promise.all(entries));
  }

  async *events(id: string, after: number, signal: AbortSignal): AsyncIterable<EventView> {
    let cursor: string | null = String(after);
    while (cursor !== null) {
      const page: Page<EventView> = await this.read(`/api/delegations/${id}/events?after=${cursor}&limit=200`, signal);
      yield* page.items;
      cursor = page.nextCursor;
    }
  }

  private async read<T>(path: string, signal: AbortSignal): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      try {
        return await this.readOnce<T>(path, signal);
      } catch (error) {
        const lasting = error instanceof ProblemError && !error.isTransient;
        if (lasting || signal.aborted || attempt + 1 >= TRIES) throw error;
      }
      await pause(backoffMs(attempt, RETRY), signal);
    }
  }

  private async readOnce<T>(path: string, signal: AbortSignal): Promise<T> {
    const { apiUrl, token, principal } = this.access;
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token) headers['authorization'] = `Bearer ${token}`;
    if (principal) headers['mandate-principal'] = principal;
    const response = await fetch(new URL(path, apiUrl), { headers, signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) });
    const body = (await response.json()) as unknown;
    if (response.ok) return body as T;
    if (isObject(body) && typeof body['code'] === 'string') throw new ProblemError(body as unknown as Problem);
    throw new MandateError('API_UNREACHABLE', `${apiUrl} answered ${response.status}`);
  }
}

const isOutputReference = (value: unknown): value is OutputReference =>
  isObject(value) && typeof value['$ref'] === 'string' && typeof value['sha256'] === 'string' && typeof value['bytes'] === 'number';
