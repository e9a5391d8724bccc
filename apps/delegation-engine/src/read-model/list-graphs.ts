import type { DataSource } from 'typeorm';

export interface EndedDelegation {
  id: string;
  principal: string;
  succeeded: boolean;
  endedAt: Date;
}

/** A tenant's latest delegations of more than one step that succeeded or failed, newest first. */
export const listEndedGraphs = (dataSource: DataSource, tenant: string, limit: number): Promise<EndedDelegation[]> =>
  dataSource.query<EndedDelegation[]>(
    `SELECT id, principal, state = 'TASK_STATE_COMPLETED' AS succeeded, ended_at AS "endedAt" FROM rm.delegation
      WHERE tenant = $1 AND pattern <> 'direct' AND state IN ('TASK_STATE_COMPLETED', 'TASK_STATE_FAILED')
      ORDER BY created_at DESC, id DESC LIMIT $2`,
    [tenant, limit],
  );
