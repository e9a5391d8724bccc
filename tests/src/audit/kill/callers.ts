/** Those who ask while the process is killed, in all ways there are, and remember what they were told. */
import { jetstream } from '@nats-io/jetstream';
import { createInbox, headers as newHeaders, type NatsConnection } from '@nats-io/transport-node';
import { newId } from '../../e2e/plain-requester.js';

export interface Told {
  /** Ids of delegations that somebody was told of as taken. */
  taken: Set<string>;
  /** … as refused. */
  rejected: Set<string>;
  /** By principal: refusals of other kinds that were answered. */
  refusals: Map<string, number>;
  /** Ids of delegations that `reader` was shown. */
  shown: Set<string>;
  /** Ids whose publish JetStream acked. */
  stored: Set<string>;
}

/** Of a worker that registered once and does not come. */
export const CAPABILITY = 'never-there';
const GOOD = { goal: 'wait for nobody', steps: [{ id: 'a', capability: CAPABILITY }] };
const SUBMITTED = 'TASK_STATE_SUBMITTED';
const PAUSE_MS = 100;

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

export class Callers {
  readonly told: Told = { taken: new Set(), rejected: new Set(), refusals: new Map(), shown: new Set(), stored: new Set() };
  private gone = false;
  private readonly running: Promise<void>[] = [];

  constructor(
    private readonly connection: NatsConnection,
    private readonly url: string,
    /** Names the callers of this round. */
    private readonly round: string,
  ) {}

  get reader(): string {
    return `${this.round}-reader`;
  }

  /** Whether somebody was told each kind of answer. */
  get allAnswered(): boolean {
    const { taken, rejected, refusals, shown } = this.told;
    return taken.size > 3 && rejected.size > 0 && refusals.size === 2 && shown.size > 0;
  }

  start(): void {
    const ways = [
      () => this.request(GOOD),
      () => this.request({ ...GOOD, nonsense: true }),
      () => this.command(),
      () => this.post(GOOD),
      () => this.look(),
      () => this.read(),
    ];
    for (const way of ways)
      this.running.push(
        (async () => {
          while (!this.gone) {
            await way().catch(() => undefined); // whoever is not answered knows nothing
            await pause();
          }
        })(),
      );
  }

  async stop(): Promise<void> {
    this.gone = true;
    await Promise.all(this.running);
  }

  private async request(body: object): Promise<void> {
    const id = newId();
    await this.publish(`mandate.v1.default.request.${id}.${this.round}`, body, (answer) => {
      if (answer['state'] === SUBMITTED) this.told.taken.add(id);
      else if (typeof answer['code'] === 'string') this.told.rejected.add(id);
    });
    this.told.stored.add(id);
  }

  private async command(): Promise<void> {
    const principal = `${this.round}-command`;
    await this.publish(`mandate.v1.default.command.${newId()}.${principal}`, { commandId: newId(), type: 'cancel' }, () =>
      this.refused(principal),
    );
  }

  private async post(body: object): Promise<void> {
    const response = await fetch(`${this.url}/api/delegations`, { method: 'POST', body: JSON.stringify(body) });
    if (response.ok) this.told.taken.add(((await response.json()) as { id: string }).id);
  }

  private async look(): Promise<void> {
    const principal = `${this.round}-look`;
    const response = await fetch(`${this.url}/api/delegations/${newId()}`, { headers: { 'mandate-principal': principal } });
    if (response.status === 404) this.refused(principal);
  }

  /** Each time the newest that it was not shown yet: what is shown again is not recorded before it. */
  private async read(): Promise<void> {
    const id = [...this.told.taken].findLast((taken) => !this.told.shown.has(taken));
    if (id === undefined) return;
    const response = await fetch(`${this.url}/api/delegations/${id}`, { headers: { 'mandate-principal': this.reader } });
    if (response.ok) this.told.shown.add(id);
  }

  private refused(principal: string): void {
    this.told.refusals.set(principal, (this.told.refusals.get(principal) ?? 0) + 1);
  }

  private async publish(subject: string, body: object, answered: (answer: Record<string, unknown>) => void): Promise<void> {
    const inbox = createInbox();
    this.connection.subscribe(inbox, { max: 1, callback: (_error, message) => answered(message.json<Record<string, unknown>>()) });
    const headers = newHeaders();
    headers.set('Mandate-Reply-To', inbox);
    await jetstream(this.connection).publish(subject, JSON.stringify(body), { headers, timeout: 2_000 });
  }
}
