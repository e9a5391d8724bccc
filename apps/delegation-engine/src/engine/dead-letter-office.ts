/** Dead letters as operators see and settle them. Each decision is an event before anything is done about it. */
import { createHash } from 'node:crypto';
import {
  DEAD_LETTER_BATCH,
  parseInbound,
  REPLY_TO_HEADER,
  subjects,
  type DeadLetterFate,
  type DeadLetterFilter,
  type DeadLetterItem,
  type DeadLettersSettled,
  type DeadLetterView,
  type DiscardDeadLetters,
  type Page,
  type RedriveDeadLetters,
} from '@mandate/contracts';
import type { DeadLetter, DeadLetters, EventStore } from '@mandate/event-store';
import { AppError, encode128, timestamp, type Clock, type JsonObject, type JsonValue } from '@mandate/kernel';
import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders, type NatsConnection } from '@nats-io/transport-node';
import { DeadLettersApi, type Caller } from '../http/index.js';
import { DEAD_LETTER_AGGREGATE, deadLetterEventName, type DeadLetterEvent } from './dead-letter-events.js';

export interface DeadLetterOfficeOptions {
  store: EventStore;
  letters: DeadLetters;
  connection: NatsConnection;
  clock: Clock;
}

type Settled = DeadLettersSettled['items'][number];

export class DeadLetterOffice extends DeadLettersApi {
  constructor(private readonly options: DeadLetterOfficeOptions) {
    super();
  }

  async list({ tenant }: Caller, query: DeadLetterFilter & { fate?: DeadLetterFate; limit: number }): Promise<Page<DeadLetterItem>> {
    const { cursor, limit, ...filter } = query;
    const { items, nextCursor } = await this.page(tenant, { fate: 'parked', ...filter }, limit, cursor);
    return { items: items.map(itemOf), nextCursor };
  }

  async view({ tenant }: Caller, id: string): Promise<DeadLetterView> {
    const [letter] = await this.options.letters.list(tenant, { limit: 1, ids: [id] });
    if (!letter) throw new AppError('NOT_FOUND', 'not-found', `there is no dead letter ${id}`);
    return { ...itemOf(letter), context: { ...letter.headers }, content: letter.fate === 'discarded' ? null : contentOf(letter) };
  }

  redrive(caller: Caller, which: RedriveDeadLetters): Promise<DeadLettersSettled> {
    return this.settle(caller, which, (letter, dryRun) => this.redriveOne(caller, letter, dryRun));
  }

  discard(caller: Caller, { because, ...which }: DiscardDeadLetters): Promise<DeadLettersSettled> {
    return this.settle(caller, which, async (letter, dryRun) => {
      if (dryRun) return {};
      await this.record(caller, letter, { type: 'discarded', data: factsOf(letter), personal: { because } });
      await this.options.letters.settle(caller.tenant, letter.id, 'discarded');
      return {};
    });
  }

  private async settle(
    { tenant }: Caller,
    { dryRun = false, cursor, ...filter }: RedriveDeadLetters,
    one: (letter: DeadLetter, dryRun: boolean) => Promise<Partial<Settled>>,
  ): Promise<DeadLettersSettled> {
    if (Object.values(filter).every((value) => value === undefined))
      throw new AppError('INVALID_FIELD', 'invalid', 'name which: ids, or at least one field that they share', { field: 'ids' });
    const { items, nextCursor } = await this.page(tenant, { ...filter, fate: 'parked' }, DEAD_LETTER_BATCH, cursor);
    const settled: Settled[] = [];
    for (const letter of items) {
      const { id, reason, source } = letter;
      settled.push({ id, reason, source, done: !dryRun, ...(await one(letter, dryRun)) });
    }
    return { dryRun, items: settled, nextCursor };
  }

  private async page(
    tenant: string,
    filter: Omit<Parameters<DeadLetters['list']>[1], 'limit' | 'before'>,
    limit: number,
    cursor: string | undefined,
  ): Promise<Page<DeadLetter>> {
    const found = await this.options.letters.list(tenant, {
      ...filter,
      limit: limit + 1,
      ...(cursor === undefined ? {} : { before: cursor }),
    });
    const items = found.slice(0, limit);
    return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  /** What comes again under the same subject or the same derived id changes nothing twice, so a crash in between costs nothing. */
  private async redriveOne(caller: Caller, letter: DeadLetter, dryRun: boolean): Promise<Partial<Settled>> {
    const target = targetOf(letter);
    if (!target) return { done: false, problem: 'NOT_REDRIVABLE' };
    const delegation = letter.kind === 'delegation' ? { delegationId: target.delegationId } : {};
    if (dryRun) return delegation;
    const as = letter.kind === 'delegation' ? { as: target.delegationId } : {};
    await this.record(caller, letter, { type: 'redriven', data: { ...factsOf(letter), ...as } });
    const headers = newHeaders();
    for (const [name, value] of Object.entries(target.headers)) headers.set(name, value);
    try {
      await jetstream(this.options.connection).publish(target.subject, target.payload, { headers });
    } catch (cause) {
      throw new AppError('BUS_UNAVAILABLE', 'unavailable', 'the bus did not take the message: try again', {}, { cause });
    }
    await this.options.letters.settle(caller.tenant, letter.id, 'redriven');
    return delegation;
  }

  private async record({ tenant, principal, traceparent }: Caller, { id }: DeadLetter, event: DeadLetterEvent): Promise<void> {
    const result = await this.options.store.append({
      tenant,
      stream: { type: DEAD_LETTER_AGGREGATE, id },
      expected: 'any',
      events: [
        {
          type: deadLetterEventName(event.type),
          occurredAt: timestamp(this.options.clock.now()),
          data: event.data as unknown as JsonObject,
          ...('personal' in event ? { personal: event.personal } : {}),
        },
      ],
      actor: { kind: 'operator', id: principal },
      correlationId: id,
      traceparent,
    });
    if (!result.ok) throw new AppError('STORE_UNAVAILABLE', 'unavailable', 'the decision could not be recorded: try again');
  }
}

/** Of a ULID, in characters. */
const TIME_LENGTH = 10;

interface Target {
  subject: string;
  payload: Uint8Array;
  headers: Readonly<Record<string, string>>;
  delegationId: string;
}

/** Null for what no subject of the contract brought, or whose content the server dropped. */
const targetOf = (letter: DeadLetter): Target | null => {
  const { id, tenant, kind, source, payload, headers } = letter;
  if (kind === 'message') {
    const inbound = parseInbound(source);
    if (inbound?.tenant !== tenant || payload.length === 0) return null;
    const { [REPLY_TO_HEADER]: _reply, ...kept } = headers;
    return { subject: source, payload, headers: ourHeaders(kept), delegationId: inbound.id };
  }
  // Its time, so that lists keep their order, and nothing that differs from one try to the next.
  const delegationId = id.slice(0, TIME_LENGTH) + encode128(createHash('sha256').update(`redrive/${id}`).digest()).slice(TIME_LENGTH);
  const request = { ...(JSON.parse(Buffer.from(payload).toString()) as JsonObject), id: delegationId };
  const subject = subjects.request(tenant, delegationId, headers['principal'] ?? '');
  return { subject, payload: Buffer.from(JSON.stringify(request)), headers: {}, delegationId };
};

/** The server's own headers say what it should do with the first message, not with this one. */
const ourHeaders = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !/^nats-/i.test(name)));

const factsOf = ({ kind, reason, delegationId }: DeadLetter): DeadLetterEvent['data'] => ({
  kind,
  reason,
  ...(delegationId === null ? {} : { delegationId }),
});

const itemOf = ({ tenant: _tenant, payload: _payload, headers: _headers, ...item }: DeadLetter): DeadLetterItem => item;

const contentOf = ({ payload }: DeadLetter): JsonValue => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)) as JsonValue;
  } catch {
    return { base64: Buffer.from(payload).toString('base64') };
  }
};
