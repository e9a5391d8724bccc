/** One subscription for the answers to all requests of a requester. */
import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';

export interface AwaitedReply {
  /** What goes into `Mandate-Reply-To`. */
  subject: string;
  message: Promise<Msg>;
  /** Ends the waiting; a later answer is thrown away. */
  forget(): void;
}

export class ReplyInbox {
  private readonly root: string;
  private readonly awaited = new Map<string, (message: Msg) => void>();
  private readonly subscription: Subscription;
  private count = 0;

  constructor(connection: NatsConnection, prefix: string) {
    this.root = createInbox(prefix);
    this.subscription = connection.subscribe(`${this.root}.*`, {
      callback: (error, message) => void (error ?? this.awaited.get(message.subject)?.(message)),
    });
  }

  expect(): AwaitedReply {
    const subject = `${this.root}.${(++this.count).toString(36)}`;
    const message = new Promise<Msg>((resolve) => this.awaited.set(subject, resolve));
    return { subject, message, forget: () => void this.awaited.delete(subject) };
  }

  close(): void {
    this.subscription.unsubscribe();
    this.awaited.clear();
  }
}
