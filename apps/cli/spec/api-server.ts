/** A gateway that answers what the test tells it, and remembers what it was asked. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: unknown;
}

export interface Answer {
  status?: number;
  type?: string;
  /** A string is sent as it is. */
  body: unknown;
  /** The connection breaks behind the body. */
  breaks?: boolean;
}

export class ApiServer {
  readonly asked: Asked[] = [];
  private answers: [string, Answer[]][] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<ApiServer> {
    const server = createServer();
    const api = new ApiServer(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const { method = '', url = '', headers } = request;
        api.asked.push({ method, url, headers, body: text ? (JSON.parse(text) as unknown) : undefined });
        const { status = 200, type = 'application/json', body, breaks } = api.answerTo(`${method} ${url}`);
        response.writeHead(status, { 'content-type': type, connection: 'close' });
        const sent = typeof body === 'string' ? body : JSON.stringify(body);
        if (breaks) response.write(sent, () => response.destroy());
        else response.end(sent);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Several answers are given one after another; the last one stays. */
  on(request: string, ...answers: Answer[]): void {
    this.answers = [[request, answers], ...this.answers.filter(([known]) => known !== request)];
  }

  reset(): void {
    this.asked.length = 0;
    this.answers = [];
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private answerTo(request: string): Answer {
    const answers = this.answers.find(([known]) => known === request)?.[1];
    const answer = answers && answers.length > 1 ? answers.shift() : answers?.[0];
    return (
      answer ?? {
        status: 404,
        type: 'application/problem+json',
        body: { status: 404, code: 'NOT_FOUND', title: 'Not found', detail: `nothing at ${request}` },
      }
    );
  }
}
