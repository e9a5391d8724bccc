/** Work on a delegation that no message asked for: in its lane, on its state, and again later when the log does not answer. */
import { AppError, isRetryable } from '@mandate/kernel';
import { continueTrace } from '@mandate/messaging';
import type { Logger } from '@mandate/service-host';
import { StaleWriterError, type DelegationWriter, type Entry, type Origin } from './delegation-writer.js';
import type { Lanes } from './lanes.js';

export type Tend = (tenant: string, id: string, work: (entry: Entry) => Promise<unknown>) => Promise<void>;

/** Who acts when the engine does. */
export const engineOrigin = (entry: Entry, causationId: string): Origin => ({
  actor: { kind: 'service', id: 'delegation-engine' },
  causationId,
  traceparent: continueTrace(entry.traceparent),
});

export class Tending {
  /** Delegations whose last change may or may not be in the log: they are loaded again. */
  private lost = new Map<string, { tenant: string; id: string }>();

  constructor(
    private readonly lanes: Lanes,
    private readonly writer: () => DelegationWriter,
    private readonly owns: (id: string) => boolean,
    private readonly logger: Logger,
  ) {}

  /** Never rejects: what fails is found again by a timer, by a sweep, or by loading the delegation anew. */
  readonly tend: Tend = (tenant, id, work) =>
    this.lanes.run(id, async () => {
      if (!this.owns(id)) return;
      try {
        await work(await this.writer().load(tenant, id));
      } catch (error) {
        if (error instanceof StaleWriterError || isRetryable(error)) this.lostTrack(tenant, id);
        if (error instanceof AppError && isRetryable(error)) return;
        if (!(error instanceof StaleWriterError)) this.logger.error({ err: error, delegationId: id }, 'a delegation could not be tended');
      }
    });

  lostTrack(tenant: string, id: string): void {
    this.lost.set(`${tenant}/${id}`, { tenant, id });
  }

  /** Loads again what was lost track of. Called every second. */
  async reload(): Promise<void> {
    const again = this.lost;
    this.lost = new Map();
    await Promise.all([...again.values()].map(({ tenant, id }) => this.tend(tenant, id, () => Promise.resolve())));
  }
}
