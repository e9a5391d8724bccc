/** "Why is this waiting?": the exact limit, the place in the queue, and who holds the slots. */
import type { BlockView, WaitingView } from '@mandate/contracts';
import type { EventStore, WaitingRow } from '@mandate/event-store';
import { timestamp } from '@mandate/kernel';
import type { Block, Candidate, Explanation } from '@mandate/scheduling';

export class WhyWaiting {
  constructor(
    private readonly store: EventStore,
    private readonly explain: (candidate: Candidate) => Explanation | Promise<Explanation>,
  ) {}

  /** By step id; steps that do not wait for a slot are not in it. */
  async of(tenant: string, delegationId: string, priority: number): Promise<Record<string, { waiting: WaitingView }>> {
    const rows = await this.store.waitingSteps(tenant, delegationId);
    const views = await Promise.all(rows.map(async (row) => [row.stepId, { waiting: await this.view(row, priority) }] as const));
    return Object.fromEntries(views);
  }

  private async view(row: WaitingRow, priority: number): Promise<WaitingView> {
    const [{ block, holders }, before] = await Promise.all([this.explain(row), this.store.waitingBefore(row)]);
    return {
      since: timestamp(row.since.getTime()),
      priority,
      position: before + 1,
      reason: row.reason,
      blockedBy: block && blockView(block),
      holders: holders.map(({ delegationId, stepId, instance }) => ({ delegationId, stepId, worker: instance })),
    };
  }
}

const blockView = (block: Block): BlockView => {
  switch (block.kind) {
    case 'retry-budget':
      return { ...block, readyAt: timestamp(block.readyAt) };
    case 'breaker': {
      const { triesAt, ...rest } = block;
      return { ...rest, since: timestamp(block.since), ...(triesAt === undefined ? {} : { triesAt: timestamp(triesAt) }) };
    }
    default:
      return { ...block };
  }
};
