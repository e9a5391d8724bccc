/** Templates from a tenant's latest graphs, mined when somebody asks: nothing is kept, and nothing is done meanwhile. */
import type { TemplateView } from '@mandate/contracts';
import { eventTypeName, mineTemplates, type UsedGraph } from '@mandate/delegation';
import type { EventStore } from '@mandate/event-store';
import { timestamp } from '@mandate/kernel';
import type { DataSource } from 'typeorm';
import { listEndedGraphs, type EndedDelegation } from '../read-model/index.js';

/** Habits change: older graphs say less. */
const LATEST = 1_000;
const AT_ONCE = 16;
const PLANNED = eventTypeName('planned');

export class TemplateMine {
  constructor(
    private readonly store: EventStore,
    private readonly readModel: DataSource,
  ) {}

  async templates(tenant: string, enough: number): Promise<TemplateView[]> {
    const ended = await listEndedGraphs(this.readModel, tenant, LATEST);
    const graphs: UsedGraph[] = [];
    for (let from = 0; from < ended.length; from += AT_ONCE)
      graphs.push(...(await Promise.all(ended.slice(from, from + AT_ONCE).map((one) => this.graphOf(tenant, one)))));
    return mineTemplates(graphs, enough);
  }

  /** Capabilities and edges are no personal data: nothing is opened. */
  private async graphOf(tenant: string, { id, principal, succeeded, endedAt }: EndedDelegation): Promise<UsedGraph> {
    const history = await this.store.readStream({ tenant, stream: { type: 'delegation', id } });
    const steps = history.filter(({ type }) => type === PLANNED).flatMap(({ data }) => data['steps'] as unknown as UsedGraph['steps']);
    return { delegationId: id, principal, succeeded, endedAt: timestamp(endedAt.getTime()), steps };
  }
}
