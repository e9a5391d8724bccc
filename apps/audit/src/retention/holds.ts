/** Which legal holds concern what. */
import type { Hold, HoldScope, Retention } from '@mandate/audit-trail';
import type { EventStore, Partition } from '@mandate/event-store';
import type { SubjectIndex } from '../erasure/index.js';

export class HoldFinder {
  constructor(
    private readonly store: EventStore,
    private readonly index: SubjectIndex,
  ) {}

  /** The first hold with something of its scope in the partition. */
  async heldIn(tenant: string, { holds }: Retention, partition: Partition): Promise<Hold | null> {
    for (const hold of Object.values(holds)) {
      if (hold.scope.of === 'all') return hold;
      for (const id of await this.delegationsOf(tenant, hold.scope)) if (await this.lieIn(tenant, id, partition)) return hold;
    }
    return null;
  }

  /** The first hold about one of these delegations, or this subject. */
  async heldAmong(tenant: string, { holds }: Retention, delegations: ReadonlySet<string>, subject: string | null): Promise<Hold | null> {
    for (const hold of Object.values(holds)) {
      const { scope } = hold;
      if (scope.of === 'all' || (scope.of === 'subject' && scope.subject === subject)) return hold;
      for (const id of await this.delegationsOf(tenant, scope)) if (delegations.has(id)) return hold;
    }
    return null;
  }

  private async delegationsOf(tenant: string, scope: HoldScope): Promise<string[]> {
    if (scope.of === 'delegation') return [scope.delegationId];
    if (scope.of === 'all') return [];
    const { size } = await this.store.head();
    await this.index.catchUp(size);
    return this.index.delegationsOf(tenant, Buffer.from(scope.subject, 'hex'), size);
  }

  private async lieIn(tenant: string, id: string, { from, to }: Partition): Promise<boolean> {
    const stream = await this.store.findStream(tenant, { type: 'delegation', id });
    return stream !== null && stream.firstPosition < to && stream.lastPosition >= from;
  }
}
