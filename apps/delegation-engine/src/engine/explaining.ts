/** Why a delegation was read and planned as it was: from what was recorded, and from the very model that answered, had again. */
import type { ExplanationView } from '@mandate/contracts';
import { toView, type DelegationEvent } from '@mandate/delegation';
import type { RecordedEvent } from '@mandate/event-store';
import type { RecognitionInput } from '@mandate/recognition';
import { inputOf, type Layers } from './layers.js';
import { domainEvent, fold } from './recorded.js';

type Of<Type extends DelegationEvent['type']> = Extract<DelegationEvent, { type: Type }>;

export class Explaining {
  constructor(private readonly layers: Pick<Layers, 'at'>) {}

  /** `history`: a delegation's events, opened. */
  async explain(tenant: string, id: string, history: readonly RecordedEvent[]): Promise<ExplanationView> {
    const events = history.map(domainEvent);
    const first = <Type extends DelegationEvent['type']>(type: Type): Of<Type> | undefined =>
      events.find((event): event is Of<Type> => event.type === type);
    const recognised = first('recognised');
    const fellback = first('fellback');
    return {
      id,
      decision: toView(fold(history, id))?.decision ?? null,
      confidence: recognised?.data.confidence ?? null,
      reasons: recognised?.personal?.reasons ?? [],
      recognition: recognised ? await this.recognition(tenant, recognised, history[0] ? inputOf(history[0]) : null) : null,
      plan: planOf(events.findLast((event): event is Of<'planned'> => event.type === 'planned')),
      fallback: fellback ? { reason: fellback.data.reason, detail: fellback.personal?.error ?? '' } : null,
      feedback: events.flatMap((event) => (event.type === 'feedbackgiven' ? [{ pattern: event.data.pattern, by: event.data.by }] : [])),
    };
  }

  /** Null where nothing learned was asked, the goal was erased, or other models or lessons than those recorded are all that is left. */
  private async recognition(
    tenant: string,
    { data }: Of<'recognised'>,
    input: RecognitionInput | null,
  ): Promise<ExplanationView['recognition']> {
    if (data.digest === undefined || !input) return null;
    const layer = await this.layers.at(tenant, data.layer ?? 0);
    if (layer.digest !== data.digest) return null;
    const { clauses, rule, general, learned, trust } = layer.recogniser.answer(input).explain();
    return { clauses, rule, general, learned, trust, digest: data.digest, layer: data.layer ?? null };
  }
}

const planOf = (planned: Of<'planned'> | undefined): ExplanationView['plan'] => {
  if (!planned) return null;
  const { by, pattern, steps } = planned.data;
  const texts = planned.personal?.texts;
  return {
    by,
    suggestion: by === 'rules',
    pattern,
    steps: steps.map(({ id, capability, dependsOn }) => ({ id, capability, dependsOn, goal: texts?.[id]?.goal ?? null })),
    reasons: planned.personal?.reasons ?? [],
  };
};
