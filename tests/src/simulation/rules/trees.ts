/** Budgets only narrow: no child gets more than its parent has left, and no tree has more steps than its root was allowed. */
import { evolve, usedBy, type Delegation, type DelegationEvent } from '@mandate/delegation';
import type { Appended, Ground, Rule } from './rule.js';

type Event<Type extends DelegationEvent['type']> = Extract<DelegationEvent, { type: Type }>;

export class Trees implements Rule {
  private readonly roots = new Map<string, string>();
  private readonly planned = new Map<string, number>();

  constructor(private readonly ground: Ground) {}

  appended({ append: { id, events }, before }: Appended): void {
    let state = before;
    for (const event of events) {
      state = evolve(state, event, id);
      if (event.type === 'requested') this.checkRequest(id, event);
      if (event.type === 'planned') this.checkTree(id, event);
      if (event.type === 'childadmitted') this.checkAdmission(id, event, state);
    }
  }

  private checkRequest(id: string, { data: { parent, budget } }: Event<'requested'>): void {
    this.roots.set(id, parent ? (this.roots.get(parent.delegationId) ?? '') : id);
    if (!parent) return;
    const above = this.ground.log.stream(parent.delegationId).state;
    const child = 'children' in above ? above.children.find((other) => other.id === id) : undefined;
    if (!child || budget.steps > child.steps)
      this.ground.fail('budget', `${id} has ${budget.steps} steps, its parent set ${child?.steps ?? 0} apart`);
  }

  private checkTree(id: string, { data: { steps } }: Event<'planned'>): void {
    const root = this.roots.get(id) ?? '';
    const planned = (this.planned.get(root) ?? 0) + steps.length;
    this.planned.set(root, planned);
    const { state } = this.ground.log.stream(root);
    if ('budget' in state && planned > state.budget.steps)
      this.ground.fail('budget', `${planned} steps are planned below ${root}, whose budget is ${state.budget.steps}`);
  }

  private checkAdmission(id: string, { data }: Event<'childadmitted'>, state: Delegation): void {
    if (state.status !== 'active') return;
    const { budget } = state;
    const used = usedBy(state);
    const over = [
      used.steps > budget.steps && `${used.steps} of ${budget.steps} steps`,
      budget.cost.tokens !== null && used.cost.tokens > budget.cost.tokens && `${used.cost.tokens} of ${budget.cost.tokens} tokens`,
      data.budget.depth >= budget.depth && `depth ${data.budget.depth} of ${budget.depth}`,
      Date.parse(data.budget.deadlineAt) > budget.deadlineAt && `the deadline ${data.budget.deadlineAt}`,
    ].filter((text) => text !== false);
    if (over.length > 0) this.ground.fail('budget', `${id} gives ${data.childId} what it has not: ${over.join(', ')}`);
  }
}
