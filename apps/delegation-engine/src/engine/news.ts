/** Says when something came in on a subject. What it was is read elsewhere, so nothing is lost when a message is. */
import type { NatsConnection, Subscription } from '@nats-io/transport-node';

export class News {
  private readonly subscription: Subscription;
  private pending = false;
  private wake: () => void = () => undefined;

  constructor(
    connection: NatsConnection,
    subject: string,
    private readonly signal: AbortSignal,
  ) {
    this.subscription = connection.subscribe(subject, { callback: () => this.arrived() });
    signal.addEventListener('abort', this.arrived, { once: true });
  }

  /** Resolves when something came since the last call, when the signal aborts, or after `timeoutMs`. */
  async next(timeoutMs: number): Promise<void> {
    if (!this.pending)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    this.pending = false;
  }

  stop(): void {
    this.signal.removeEventListener('abort', this.arrived);
    this.subscription.unsubscribe();
  }

  private readonly arrived = (): void => {
    this.pending = true;
    this.wake();
  };
}
