/** Asking for work over NATS. */
import { subjects, type DelegationCommand } from '@mandate/contracts/wire';
import type { JsonValue } from '@mandate/kernel';
import type { NatsConnection } from '@nats-io/transport-node';
import { watchConnection } from '../connection-watch.js';
import { MandateError } from '../errors.js';
import { newId } from '../ids.js';
import { encodeJson } from '../wire.js';
import { ApiReader } from './api-reader.js';
import { ask } from './asking.js';
import {
  TrackedDelegation,
  type Ask,
  type DelegationHandle,
  type HandleHost,
  type OpenDelegation,
  type SteeringCommand,
} from './handle.js';
import { ReplyInbox } from './reply-inbox.js';

export interface RequesterOptions {
  /** Owned by the caller: the requester never closes it. */
  connection: NatsConnection;
  /** Default `default`. */
  tenant?: string;
  /** For whom is asked, `[A-Za-z0-9_-]{1,64}`. */
  principal: string;
  /** Where results are read. Without it the result of a delegation is its `completed` event, with references. */
  apiUrl?: string;
  token?: string;
  /** The connection's own inbox prefix, when its credentials name one; default `_INBOX`. */
  inboxPrefix?: string;
}

export interface DelegateOptions {
  /** Aborting it cancels the delegation. */
  signal?: AbortSignal;
  /** W3C Trace Context of the caller. */
  traceparent?: string;
}

export interface Requester {
  /** Asks at once. `await` the handle for the result, iterate over it for the events. */
  delegate<Result = JsonValue>(request: Ask, options?: DelegateOptions): DelegationHandle<Result>;
  /** Follows a delegation that exists already, from the position `after` on (default: from its start). */
  resume<Result = JsonValue>(id: string, options?: { after?: number }): DelegationHandle<Result>;
  /** Ends all handles; what was asked goes on. */
  close(): void;
}

/** A live event can be lost on its way (a slow connection, a server that dies): a feed that hears nothing asks the stream this often. */
const QUIET_MS = 60_000;

export const createRequester = (options: RequesterOptions): Requester => new NatsRequester(options);

class NatsRequester implements Requester {
  private readonly tenant: string;
  private readonly inbox: ReplyInbox;
  private readonly open = new Set<OpenDelegation>();
  private readonly life = new AbortController();
  private readonly unwatch: () => void;
  private readonly quiet: NodeJS.Timeout;
  private readonly host: HandleHost;

  constructor(private readonly options: RequesterOptions) {
    const { connection, apiUrl, token, principal } = options;
    this.tenant = options.tenant ?? 'default';
    const inboxPrefix = options.inboxPrefix ?? '_INBOX';
    this.inbox = new ReplyInbox(connection, inboxPrefix);
    const api = apiUrl ? new ApiReader({ apiUrl, principal, ...(token ? { token } : {}) }) : null;
    this.host = {
      source: { connection, inboxPrefix, tenant: this.tenant, api },
      api,
      signal: this.life.signal,
      command: (id, command) => this.command(id, command),
      opened: (handle) => this.open.add(handle),
      closed: (handle) => this.open.delete(handle),
    };
    this.unwatch = watchConnection(connection, { lost: () => this.hold(), back: () => this.catchUp(0) });
    this.quiet = setInterval(() => this.catchUp(QUIET_MS), QUIET_MS / 4);
    this.quiet.unref();
  }

  delegate<Result>(request: Ask, { signal, traceparent }: DelegateOptions = {}): DelegationHandle<Result> {
    signal?.throwIfAborted();
    const id = request.id ?? newId();
    const question = {
      subject: subjects.request(this.tenant, id, this.options.principal),
      body: encodeJson({ ...request, id }),
      ...(traceparent ? { traceparent } : {}),
    };
    const handle = new TrackedDelegation<Result>(this.host, { id, after: 0, request: () => this.ask(question) });
    if (signal) cancelOnAbort(handle, signal);
    return handle;
  }

  resume<Result>(id: string, { after = 0 }: { after?: number } = {}): DelegationHandle<Result> {
    return new TrackedDelegation<Result>(this.host, { id, after, request: null });
  }

  close(): void {
    const closed = new MandateError('CLOSED', 'the requester was closed');
    this.life.abort(closed);
    clearInterval(this.quiet);
    this.unwatch();
    for (const handle of this.open) handle.end(closed);
    this.inbox.close();
  }

  private ask(question: Parameters<typeof ask>[2]): ReturnType<typeof ask> {
    return ask(this.options.connection, this.inbox, question, this.life.signal);
  }

  private command(id: string, command: SteeringCommand): ReturnType<typeof ask> {
    const document: DelegationCommand = { commandId: newId(), ...command };
    return this.ask({ subject: subjects.command(this.tenant, id, this.options.principal), body: encodeJson(document) });
  }

  private hold(): void {
    for (const { feed } of this.open) feed.hold();
  }

  private catchUp(quietMs: number): void {
    const now = Date.now();
    for (const { feed } of this.open) if (feed.quietMs(now) >= quietMs) void feed.catchUp();
  }
}

const cancelOnAbort = (handle: TrackedDelegation<unknown>, signal: AbortSignal): void => {
  const cancel = (): void => void handle.cancel(reasonText(signal.reason)).catch(() => undefined);
  signal.addEventListener('abort', cancel, { once: true });
  const unlisten = (): void => signal.removeEventListener('abort', cancel);
  handle.result().then(unlisten, unlisten);
};

const reasonText = (reason: unknown): string => (reason instanceof Error ? reason.message : String(reason)).slice(0, 2000);
