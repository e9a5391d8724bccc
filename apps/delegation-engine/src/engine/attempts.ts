/** The attempts that this engine's delegations have at workers just now, by lease. A cache of the log: rebuilt by whoever takes a partition over. */
import type { Effects } from '@mandate/contracts';

export interface RunningAttempt {
  leaseId: string;
  tenant: string;
  delegationId: string;
  partition: number;
  stepId: string;
  attempt: number;
  lease: number;
  instance: string;
  capability: string;
  effects: Effects;
  /** null until the worker answered the offer. */
  acceptedAt: number | null;
  /** `stepstarted` is in the log. */
  started: boolean;
  /** Last time a heartbeat named the lease, or it was offered. */
  extendedAt: number;
}

export interface DelegationKey {
  tenant: string;
  id: string;
}

export class RunningAttempts {
  private readonly byLease = new Map<string, RunningAttempt>();
  private readonly byStep = new Map<string, RunningAttempt>();

  get size(): number {
    return this.byLease.size;
  }

  add(attempt: RunningAttempt): void {
    this.remove(delegationOf(attempt), attempt.stepId);
    this.byLease.set(attempt.leaseId, attempt);
    this.byStep.set(stepKey(delegationOf(attempt), attempt.stepId), attempt);
  }

  remove(delegation: DelegationKey, stepId: string): RunningAttempt | undefined {
    const key = stepKey(delegation, stepId);
    const attempt = this.byStep.get(key);
    if (!attempt) return undefined;
    this.byStep.delete(key);
    this.byLease.delete(attempt.leaseId);
    return attempt;
  }

  ofLease(leaseId: string): RunningAttempt | undefined {
    return this.byLease.get(leaseId);
  }

  ofStep(delegation: DelegationKey, stepId: string): RunningAttempt | undefined {
    return this.byStep.get(stepKey(delegation, stepId));
  }

  all(): IterableIterator<RunningAttempt> {
    return this.byLease.values();
  }

  dropPartition(partition: number): void {
    for (const attempt of [...this.byLease.values()])
      if (attempt.partition === partition) this.remove(delegationOf(attempt), attempt.stepId);
  }
}

const delegationOf = ({ tenant, delegationId }: RunningAttempt): DelegationKey => ({ tenant, id: delegationId });
const stepKey = ({ tenant, id }: DelegationKey, stepId: string): string => `${tenant}/${id}/${stepId}`;
