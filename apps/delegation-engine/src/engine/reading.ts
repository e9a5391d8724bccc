/** Recognition and planning of a request without steps, behind a circuit breaker: a failing or slow reader costs a fallback, never a request. */
import CircuitBreaker from 'opossum';
import type { DelegationRequest } from '@mandate/contracts';
import { plan, type AgentCapability, type Reading } from '@mandate/delegation';
import type { Layers } from './layers.js';

export type Reader = (tenant: string, request: DelegationRequest, agents: readonly AgentCapability[]) => Reading;

const TIMEOUT_MS = 1_000;

export const readWith =
  (layers: Pick<Layers, 'recognise' | 'synonyms'>): Reader =>
  (tenant, request, agents) => {
    const tools = request.tools?.map((tool) => tool.id) ?? [];
    const asked = request.pattern && request.pattern !== 'auto' ? request.pattern : null;
    const recognition = asked ? null : layers.recognise(tenant, { text: request.goal, tools });
    return {
      kind: 'read',
      recognition,
      plan: plan({
        goal: request.goal,
        pattern: asked ?? recognition?.pattern ?? 'direct',
        tools,
        agents,
        synonyms: layers.synonyms(tenant),
      }),
    };
  };

export class GuardedReader {
  private readonly breaker: CircuitBreaker<Parameters<Reader>, Reading>;

  constructor(reader: Reader) {
    this.breaker = new CircuitBreaker(async (...asked: Parameters<Reader>) => reader(...asked), {
      timeout: TIMEOUT_MS,
      errorThresholdPercentage: 50,
      resetTimeout: 10_000,
      volumeThreshold: 5,
    });
  }

  /** Never rejects. */
  async read(...asked: Parameters<Reader>): Promise<Reading> {
    try {
      return await this.breaker.fire(...asked);
    } catch (error) {
      const slow = (error as { code?: string }).code === 'ETIMEDOUT';
      return {
        kind: 'unread',
        reason: slow ? 'RECOGNISER_SLOW' : 'RECOGNISER_FAILED',
        detail: error instanceof Error ? error.message : String(error),
      };
    }
  }

  stop(): void {
    this.breaker.shutdown();
  }
}
