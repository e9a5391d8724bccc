/** What a worker reports under one lease, in order, each until the stream has acked it. */
import type { StepResult } from '@mandate/contracts';
import type { JsonValue } from '@mandate/kernel';
import type { NatsConnection } from '@nats-io/transport-node';
import { MandateError } from '../errors.js';
import { encodeJson, headersOf, publishUntilAcked } from '../wire.js';

export type Report = Omit<StepResult, 'leaseId'>;

const PROGRESS_LIMIT_BYTES = 8 * 1024;

export interface LeaseAddress {
  leaseId: string;
  resultSubject: string;
  traceparent: string | undefined;
}

export class LeaseReports {
  private sent = 0;
  private waiting: { value: JsonValue } | undefined;
  private sending: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly connection: NatsConnection,
    private readonly lease: LeaseAddress,
    private readonly signal: AbortSignal,
  ) {}

  /** Throws MandateError `TOO_LARGE` or `NOT_JSON`; the sending itself happens in the background. */
  progress(value: JsonValue): void {
    const bytes = encodeJson(value).length;
    if (bytes > PROGRESS_LIMIT_BYTES)
      throw new MandateError('TOO_LARGE', `a progress report holds at most ${PROGRESS_LIMIT_BYTES} bytes, this one ${bytes}`);
    if (this.closed) return;
    this.waiting = { value };
    this.sending ??= this.sendWaiting();
  }

  /** Sends the report that ends the attempt, after what was reported before. Resolves when the stream has it. */
  async final(report: Report): Promise<void> {
    this.closed = true;
    await this.sending;
    await this.send(report);
  }

  private async sendWaiting(): Promise<void> {
    try {
      while (this.waiting) {
        const { value } = this.waiting;
        this.waiting = undefined;
        await this.send({ status: 'progress', progress: value });
      }
    } catch {
      // The lease is gone, or the connection closed for good: progress is then of no use to anyone.
    } finally {
      this.sending = undefined;
    }
  }

  private send(report: Report): Promise<void> {
    const { leaseId, resultSubject, traceparent } = this.lease;
    const headers = headersOf({ 'Nats-Msg-Id': `${leaseId}:${++this.sent}`, traceparent });
    return publishUntilAcked(this.connection, { subject: resultSubject, body: encodeJson({ leaseId, ...report }), headers }, this.signal);
  }
}
