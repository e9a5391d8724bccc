/**
 * The events of one delegation, each once and in order: live ones by a plain subscription, missed ones read from the stream.
 * The stream is read by direct get, which leaves nothing behind on the server, so thousands of feeds cost thousands of subscriptions.
 */
import { subjects } from '@mandate/contracts/wire';
import type { Subscription } from '@nats-io/transport-node';
import { backoffMs, pause } from '../backoff.js';
import { ProblemError } from '../errors.js';
import type { ApiReader } from './api-reader.js';
import { eventOfView, isFinalEvent, readEvent, type DelegationEvent } from './events.js';
import { readSubject, type StreamReader } from './stream-reader.js';

export interface FeedSource extends StreamReader {
  tenant: string;
  api: ApiReader | null;
}

export interface FeedReader {
  event(event: DelegationEvent): void;
  /** No further event can come: the connection is closed for good, or the API does not know the delegation. */
  failed(error: unknown): void;
}

const isLasting = (error: unknown): boolean => error instanceof ProblemError && !error.isTransient;

const RETRY = { firstMs: 200, capMs: 5_000 };

/** A feed that starts with another event has missed some: the delegation was there before its reader. */
const isFirstEvent = ({ type }: DelegationEvent): boolean => type === 'requested' || type === 'rejected';

export class EventFeed {
  private readonly subject: string;
  private readonly subscription: Subscription;
  private readonly life = new AbortController();
  private position: number;
  private streamSequence = 1;
  /** Live events that wait until those before them have been read; null while nothing is missing. */
  private held: DelegationEvent[] | null = null;
  private catchingUp = false;
  private again = false;
  private heardAt = Date.now();

  constructor(
    private readonly source: FeedSource,
    private readonly delegationId: string,
    after: number,
    private readonly reader: FeedReader,
  ) {
    this.position = after;
    this.subject = subjects.event(source.tenant, 'delegation', delegationId);
    this.subscription = source.connection.subscribe(this.subject, {
      callback: (error, message) => void (error ?? this.live(readEvent(message.headers, message.data, delegationId))),
    });
  }

  get isClosed(): boolean {
    return this.life.signal.aborted;
  }

  /** Milliseconds since anything was heard. */
  quietMs(now: number): number {
    return now - this.heardAt;
  }

  /** From here on events may be missed: live ones are held back until `catchUp`. */
  hold(): void {
    this.held ??= [];
  }

  /** Reads what the stream has beyond the last event delivered, until that succeeds. */
  async catchUp(): Promise<void> {
    this.hold();
    this.again = this.catchingUp;
    if (this.catchingUp || this.isClosed) return;
    this.catchingUp = true;
    try {
      await this.readUntilDone();
    } catch (error) {
      if (!this.isClosed) this.reader.failed(error);
    } finally {
      this.catchingUp = false;
    }
  }

  close(): void {
    this.life.abort();
    this.subscription.unsubscribe();
  }

  private async readUntilDone(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await this.readMissed();
        if (!this.again) break;
        this.again = false;
        continue;
      } catch (error) {
        if (this.isClosed || this.source.connection.isClosed() || isLasting(error)) throw error;
      }
      await pause(backoffMs(attempt, RETRY), this.life.signal);
    }
    const held = this.held ?? [];
    this.held = null;
    this.heardAt = Date.now();
    for (const event of held.sort((a, b) => a.position - b.position)) this.accept(event);
  }

  /** The stream keeps events for hours; what is older comes from the API, when there is one. */
  private async readMissed(): Promise<void> {
    const missed = await this.readStream();
    const complete = this.position > 0 || (missed[0] !== undefined && isFirstEvent(missed[0]));
    if (!complete && this.source.api)
      for await (const view of this.source.api.events(this.delegationId, this.position, this.life.signal)) {
        const event = eventOfView(view, this.delegationId);
        if (event) this.accept(event);
      }
    for (const event of missed) this.accept(event);
  }

  private async readStream(): Promise<DelegationEvent[]> {
    const { messages, next } = await readSubject(this.source, this.subject, this.streamSequence);
    this.streamSequence = next;
    return messages.flatMap(({ headers, data }) => readEvent(headers, data, this.delegationId) ?? []);
  }

  private live(event: DelegationEvent | null): void {
    if (!event) return;
    this.heardAt = Date.now();
    if (this.held) this.held.push(event);
    else if (this.position > 0 || isFirstEvent(event)) this.accept(event);
    else {
      this.held = [event];
      void this.catchUp();
    }
  }

  private accept(event: DelegationEvent): void {
    if (event.position <= this.position || this.isClosed) return;
    this.position = event.position;
    this.reader.event(event);
    if (isFinalEvent(event)) this.close();
  }
}
