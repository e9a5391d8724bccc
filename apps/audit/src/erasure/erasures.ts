/** Erasing: decided and recorded first, noted outside the database, then carried out; what a crash leaves half done, the next start completes. */
import { randomBytes } from 'node:crypto';
import type { ErasurePreview, ErasureRequest, ErasureView, Page } from '@mandate/contracts';
import {
  destroyKeys,
  kidsOfSubject,
  type Actor,
  type Destroyed,
  type DeadLetters,
  type EventStore,
  type Keyring,
  type RecordedEvent,
  Turn,
} from '@mandate/event-store';
import { AppError, timestamp, ulid, type Clock, type JsonObject } from '@mandate/kernel';
import type { Caller, Logger } from '@mandate/service-host';
import { ErasureApi } from '../http/index.js';
import { openOnes, withDescendants } from './affected.js';
import { purgeDeadLetters } from './dead-letters.js';
import { ERASURE, erasureEventTypeName, type ErasureEvent } from './erasure-events.js';
import type { ErasedKeys, ErasureList } from './erasure-list.js';
import type { SubjectIndex } from './subject-index.js';
import { erasureView } from './erasure-view.js';

export interface ErasuresOptions {
  store: EventStore;
  keyring: Keyring;
  letters: DeadLetters;
  index: SubjectIndex;
  list: ErasureList;
  /** The legal hold about one of these. */
  heldAmong: (tenant: string, delegations: readonly string[], subject: string | null) => Promise<{ id: string } | null>;
  /** Throws where the list is not the one of this log. */
  assertShared: () => Promise<void>;
  clock: Clock;
  logger: Logger;
}

type Requested = Extract<ErasureEvent, { type: 'requested' }>['data'];

interface Scope {
  subject: Buffer | null;
  kids: string[];
  delegations: string[];
  /** Of these, those that have not ended. */
  running: string[];
}

const PAGE = 200;
const SHOWN_RUNNING = 10;
const ITSELF: Actor = { kind: 'service', id: 'audit' };

export class Erasures extends ErasureApi {
  /** The list is one file, and an erasure that another process has under way must not be taken for one that a crash cut off. */
  private readonly turn: Turn;

  constructor(private readonly options: ErasuresOptions) {
    super();
    this.turn = new Turn(options.store.database, 'erasure');
  }

  async erase(caller: Caller, request: ErasureRequest): Promise<ErasureView> {
    await this.options.assertShared();
    return this.turn.take(() => this.eraseInTurn(caller, request));
  }

  private async eraseInTurn(caller: Caller, { dataSubject, delegationId, reason }: ErasureRequest): Promise<ErasureView> {
    const { store, clock } = this.options;
    const { tenant, principal, traceparent } = caller;
    const { subject, kids, delegations, running } = await this.scope(tenant, dataSubject, delegationId);
    if (running.length > 0) throw inUse(running);
    const hold = await this.options.heldAmong(tenant, delegations, subject?.toString('hex') ?? null);
    if (hold) throw new AppError('LEGAL_HOLD', 'conflict', `hold ${hold.id} forbids it: lift it first, if you may`, { holdId: hold.id });
    const id = ulid(clock.now(), randomBytes(10));
    const actor: Actor = { kind: 'operator', id: principal };
    const data: Requested = {
      of: subject ? 'subject' : 'delegation',
      ...(subject ? { subject: subject.toString('hex') } : {}),
      ...(delegationId === undefined ? {} : { delegationId }),
      kids,
      delegations: delegations.length,
    };
    const requested: ErasureEvent = { type: 'requested', data, ...(reason === undefined ? {} : { personal: { reason } }) };
    await this.record(tenant, id, requested, { expected: 'no-stream', actor, open: true, traceparent });
    await this.carryOut({ id, tenant, subject: subject?.toString('hex') ?? null, kids, delegations }, actor);
    return erasureView(await store.readStream({ tenant, stream: { type: ERASURE, id } }));
  }

  async preview({ tenant }: Caller, { dataSubject, delegationId }: ErasureRequest): Promise<ErasurePreview> {
    const { subject, kids, delegations, running } = await this.scope(tenant, dataSubject, delegationId);
    const of = subject ? 'subject' : 'delegation';
    return { of, delegations: delegations.length, subjectKeys: kids.length, running: running.slice(0, SHOWN_RUNNING) };
  }

  private async scope(tenant: string, dataSubject: string | undefined, delegationId: string | undefined): Promise<Scope> {
    const { store, keyring } = this.options;
    const subject = dataSubject === undefined ? null : keyring.blindIndex(tenant, dataSubject);
    const kids = subject ? await kidsOfSubject(store.database, tenant, subject) : [];
    const delegations = await this.reached(tenant, subject, delegationId, (await store.head()).size);
    return { subject, kids, delegations, running: await openOnes(store, tenant, delegations) };
  }

  async list({ tenant }: Caller, { limit, cursor }: { limit: number; cursor?: string }): Promise<Page<ErasureView>> {
    const { store } = this.options;
    const rows = (await store.streamsOfType(ERASURE, limit, { tenant, id: cursor ?? '' })).filter((row) => row.tenant === tenant);
    const items: ErasureView[] = [];
    for (const { stream } of rows) items.push(erasureView(await store.readStream({ tenant, stream })));
    return { items, nextCursor: rows.length === limit ? (rows.at(-1)?.stream.id ?? null) : null };
  }

  /** What a database restored to an earlier state brought back is erased again; what a crash left half done is completed. */
  resume(): Promise<void> {
    return this.turn.take(() => this.resumeInTurn());
  }

  private async resumeInTurn(): Promise<void> {
    const { list, logger } = this.options;
    const noted = await list.all();
    const back: { erased: ErasedKeys; destroyed: Destroyed }[] = [];
    for (const erased of noted) {
      const destroyed = await this.destroyKeysOf(erased);
      if (destroyed.subjectKeys + destroyed.streamKeys + destroyed.snapshots > 0) back.push({ erased, destroyed });
    }
    for (const { erased, destroyed } of back) {
      const data = { ...destroyed, deadLetters: await this.purge(erased) };
      logger.warn({ erasure: erased.id, ...data }, 'what was erased had come back with a restored database; it is erased again');
      await this.record(erased.tenant, erased.id, { type: 'reapplied', data }, { expected: 'any', actor: ITSELF });
    }
    await this.completeOpen();
  }

  private async completeOpen(): Promise<void> {
    const { store } = this.options;
    let after: { tenant: string; id: string } | undefined;
    for (;;) {
      const rows = await store.streamsOfType(ERASURE, PAGE, after);
      for (const { tenant, stream, open } of rows) if (open) await this.complete(await store.readStream({ tenant, stream }));
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = { tenant: last.tenant, id: last.stream.id };
    }
  }

  private async complete(events: readonly RecordedEvent[]): Promise<void> {
    const requested = events.find(({ type }) => type === erasureEventTypeName('requested'));
    if (!requested) return;
    const { tenant, stream, position } = requested;
    const { subject = null, delegationId, kids } = requested.data as unknown as Requested;
    const delegations = await this.reached(tenant, bytesOf(subject), delegationId, position);
    await this.carryOut({ id: stream.id, tenant, subject, kids, delegations }, ITSELF);
  }

  private async reached(tenant: string, subject: Buffer | null, delegationId: string | undefined, upTo: number): Promise<string[]> {
    const { store, index } = this.options;
    if (delegationId !== undefined && !(await store.findStream(tenant, { type: 'delegation', id: delegationId })))
      throw new AppError('NOT_FOUND', 'not-found', `there is no delegation ${delegationId}`);
    if (subject) await index.catchUp(upTo);
    const ofSubject = subject ? await index.delegationsOf(tenant, subject, upTo) : [];
    return withDescendants(store, tenant, [...ofSubject, ...(delegationId === undefined ? [] : [delegationId])]);
  }

  private async carryOut(erased: ErasedKeys, actor: Actor): Promise<void> {
    await this.options.list.add(erased);
    const data = { ...(await this.destroyKeysOf(erased)), deadLetters: await this.purge(erased) };
    await this.record(erased.tenant, erased.id, { type: 'completed', data }, { expected: 'any', actor, open: false });
  }

  private async destroyKeysOf({ subject, ...erased }: ErasedKeys): Promise<Destroyed> {
    const { store } = this.options;
    const destroyed = await destroyKeys(store.database, { ...erased, subject: bytesOf(subject) });
    store.forgetKeys();
    return destroyed;
  }

  private purge({ tenant, subject, delegations }: ErasedKeys): Promise<number> {
    const { store, letters, keyring } = this.options;
    return purgeDeadLetters(store, letters, keyring, { tenant, subject: bytesOf(subject), delegations: new Set(delegations) });
  }

  private async record(
    tenant: string,
    id: string,
    event: ErasureEvent,
    { traceparent, ...how }: { expected: 'no-stream' | 'any'; actor: Actor; open?: boolean; traceparent?: string },
  ): Promise<void> {
    const result = await this.options.store.append({
      tenant,
      stream: { type: ERASURE, id },
      events: [
        {
          type: erasureEventTypeName(event.type),
          occurredAt: timestamp(this.options.clock.now()),
          data: event.data as unknown as JsonObject,
          ...('personal' in event && event.personal ? { personal: event.personal } : {}),
        },
      ],
      correlationId: id,
      ...how,
      ...(traceparent === undefined ? {} : { traceparent }),
    });
    if (!result.ok) throw new AppError('ERASURE_NOT_RECORDED', 'conflict', `${result.message}: ask again`);
  }
}

const bytesOf = (hex: string | null): Buffer | null => (hex === null ? null : Buffer.from(hex, 'hex'));

const inUse = (running: readonly string[]): AppError =>
  new AppError(
    'ERASURE_IN_USE',
    'conflict',
    `${running.length} delegations of it still run, such as ${running.slice(0, SHOWN_RUNNING).join(', ')}: cancel them or wait for their end, then ask again`,
    { running: running.slice(0, SHOWN_RUNNING) },
  );
