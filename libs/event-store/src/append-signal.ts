/** Wakes those who follow the log: by the store's own commits, and by the notification that each batch of any process sends. */
import pg from 'pg';
import type { EventStore } from './event-store.js';

const RECONNECT_MS = 1_000;

export class AppendSignal {
  /** The highest position known to be committed. */
  head = 0;
  /** With the position that each waits to be passed. */
  private readonly waiters = new Map<() => void, number>();
  private client: pg.Client | null = null;
  private reconnect: NodeJS.Timeout | null = null;
  private stopped = false;
  private readonly forgetStore: () => void;

  private constructor(
    store: EventStore,
    private readonly databaseUrl: string,
  ) {
    this.forgetStore = store.onCommitted((events) => this.advance(events.at(-1)?.position ?? 0));
  }

  /** Listens from now on. Without a connection followers only poll, until it is back. */
  static async start(store: EventStore, databaseUrl: string): Promise<AppendSignal> {
    const signal = new AppendSignal(store, databaseUrl);
    await signal.listen();
    return signal;
  }

  private async listen(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.databaseUrl,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      application_name: 'mandate-listen',
    });
    client.on('error', () => this.lost(client));
    client.on('end', () => this.lost(client));
    client.on('notification', ({ payload }) => this.advance(Number(payload)));
    this.client = client;
    try {
      await client.connect();
      await client.query('LISTEN es_append');
    } catch {
      this.lost(client);
    }
  }

  private lost(client: pg.Client): void {
    if (this.client !== client) return;
    this.client = null;
    client.end().catch(() => undefined);
    if (!this.stopped) this.reconnect = setTimeout(() => void this.listen(), RECONNECT_MS);
  }

  private advance(head: number): void {
    if (head <= this.head) return;
    this.head = head;
    for (const [wake, position] of this.waiters) if (position < head) wake();
  }

  /** Lets every waiter go on now. */
  wakeAll(): void {
    for (const wake of this.waiters.keys()) wake();
  }

  /** Resolves to true when something behind `position` is known, to false after `timeoutMs` or when woken otherwise. */
  async waitBeyond(position: number, timeoutMs: number): Promise<boolean> {
    if (this.head > position) return true;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.waiters.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.waiters.set(wake, position);
    });
    return this.head > position;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.forgetStore();
    if (this.reconnect) clearTimeout(this.reconnect);
    const { client } = this;
    this.client = null;
    await client?.end().catch(() => undefined);
    this.wakeAll();
  }
}
