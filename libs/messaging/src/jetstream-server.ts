/**
 * A Nest transport strategy for the bus. Controllers with `@MessagePattern` get messages of two kinds: plain requests on a
 * subject (`register`), answered on the message's reply; and messages of the inbound stream (`command`), handed in by the
 * partition's owner, which settles them. So validation, guards, filters and interceptors are the same as for HTTP.
 */
import { BaseRpcContext, Server, type CustomTransportStrategy } from '@nestjs/microservices';
import type { Msg, MsgHdrs, NatsConnection, Subscription } from '@nats-io/transport-node';
import { headers as newHeaders } from '@nats-io/transport-node';
import { PROBLEM_CONTENT_TYPE, toProblem, type Problem } from '@mandate/contracts';
import { lastValueFrom } from 'rxjs';

export interface BusRequest {
  subject: string;
  headers: MsgHdrs | undefined;
}

export class BusContext extends BaseRpcContext<[BusRequest]> {
  get subject(): string {
    return this.getArgs()[0].subject;
  }

  get headers(): MsgHdrs | undefined {
    return this.getArgs()[0].headers;
  }
}

export interface JetStreamServerOptions {
  connection: NatsConnection;
  /** Pattern → subject of plain requests. Engines share them as one queue group. */
  requests: Readonly<Record<string, string>>;
  queue: string;
  /** Told of a plain request that is refused, before that is answered; when it throws, that is the answer. */
  refused?: (pattern: string, request: BusRequest, problem: Problem) => Promise<void>;
}

export class JetStreamServer extends Server implements CustomTransportStrategy {
  private subscriptions: Subscription[] = [];

  constructor(private readonly options: JetStreamServerOptions) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    const { connection, requests, queue } = this.options;
    this.subscriptions = Object.entries(requests).map(([pattern, subject]) =>
      connection.subscribe(subject, {
        queue,
        callback: (error, message) => (error ? this.handleError(error.message) : void this.answer(pattern, message)),
      }),
    );
    callback();
  }

  async close(): Promise<void> {
    await Promise.all(this.subscriptions.map((subscription) => subscription.drain()));
  }

  on(): never {
    throw new Error('the connection belongs to the service: listen to its status there');
  }

  unwrap<T>(): T {
    return this.options.connection as T;
  }

  /** Runs the controller of `pattern` on a message; rejects with what the controller threw. */
  async deliver(pattern: string, data: Uint8Array, request: BusRequest): Promise<unknown> {
    const handler = this.getHandlerByPattern(pattern);
    if (!handler) throw new Error(`no controller handles ${pattern}`);
    return lastValueFrom(this.transformToObservable(await handler(data, new BusContext([request]))));
  }

  private async answer(pattern: string, message: Msg): Promise<void> {
    try {
      const result = await this.deliver(pattern, message.data, { subject: message.subject, headers: message.headers });
      message.respond(JSON.stringify(result));
    } catch (error) {
      const problem = await this.recorded(pattern, message, toProblem(error));
      message.respond(JSON.stringify(problem), { headers: problemHeaders() });
    }
  }

  private async recorded(pattern: string, { subject, headers }: Msg, problem: Problem): Promise<Problem> {
    if (problem.status >= 500) return problem;
    try {
      await this.options.refused?.(pattern, { subject, headers }, problem);
      return problem;
    } catch (error) {
      return toProblem(error);
    }
  }
}

export const problemHeaders = (): MsgHdrs => {
  const headers = newHeaders();
  headers.set('Content-Type', PROBLEM_CONTENT_TYPE);
  return headers;
};
