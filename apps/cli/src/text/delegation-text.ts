/** A whole delegation for people. */
import type { ApprovalView, DelegationView, StepView } from '@mandate/contracts';
import type { Output } from '../output.js';
import { stateText, tookText } from './state-text.js';
import { table, truncate } from './table.js';
import { valueLines } from './value-text.js';

const percent = (confidence: number | null): string => (confidence === null ? '' : ` (${Math.round(confidence * 100)} %)`);

export const delegationLines = (output: Output, view: DelegationView): string[] => {
  const goal = typeof view.goal === 'string' ? truncate(view.goal.replaceAll('\n', ' '), output.columns - 10) : '(erased)';
  const facts = [
    ['id', view.id],
    [
      'state',
      `${stateText(output, view.state)}${view.ending ? `, undoes what was done, then ${stateText(output, view.ending.state)}` : ''}`,
    ],
    ['goal', goal],
    [
      'pattern',
      view.pattern
        ? `${view.pattern}${percent(view.confidence)}${view.decision?.fallback ? `, fell back: ${view.decision.fallback}` : ''}`
        : '-',
    ],
    ...(view.spent && (view.spent.tokens > 0 || Number(view.spent.usd) > 0)
      ? [['spent', `${view.spent.usd} USD, ${view.spent.tokens} tokens`]]
      : []),
    ...(view.startAt && !view.endedAt ? [['starts', view.startAt]] : []),
    ['asked', `${view.createdAt}${view.endedAt ? `, took ${tookText(view.createdAt, view.endedAt)}` : ''}`],
  ];
  return [
    ...table(facts.map(([name = '', value = '']) => [output.paint('dim', name), value])),
    ...stepLines(output, view.steps),
    ...waitingLines(output, view),
    ...questionLines(output, view),
    ...(view.approvals ?? []).flatMap((approval) => [
      '',
      ...approvalLines(output, approval),
      `  mandate approve ${view.id}${approval.stepId ? ` --step ${approval.stepId}` : ''}`,
    ]),
    ...endLines(output, view),
  ];
};

const stepLines = (output: Output, steps: readonly StepView[]): string[] => {
  if (steps.length === 0) return [];
  const head = ['step', 'capability', 'state', 'attempt', 'took', 'worker', 'after'].map((name) => output.paint('dim', name));
  const rows = steps.map((step) => [
    step.id,
    step.substitute ? `${step.capability} (by ${step.substitute})` : step.capability,
    stateText(output, step.state),
    String(step.attempt),
    tookText(step.startedAt, step.endedAt) || '-',
    step.worker ?? '-',
    step.compensates ? `undoes ${step.compensates}` : step.dependsOn.join(', ') || '-',
  ]);
  return ['', ...table([head, ...rows])];
};

const waitingLines = (output: Output, { steps }: DelegationView): string[] =>
  steps.flatMap(({ id, capability, waiting }) => {
    if (!waiting) return [];
    const { blockedBy, holders, position, priority, reason, since } = waiting;
    const place = position > 1000 ? 'behind more than a thousand' : `number ${position}`;
    const held = holders.map((holder) => `  held by ${holder.delegationId} step ${holder.stepId} on ${holder.worker}`);
    return [
      '',
      output.paint('yellow', `${id} waits: ${blockText(blockedBy, capability)}`),
      `  ${place} for ${capability} since ${since}, priority ${priority}${reason === 'retry' ? ', a retry' : ''}`,
      ...held,
    ];
  });

const blockText = (block: NonNullable<StepView['waiting']>['blockedBy'], capability: string): string => {
  if (!block) return 'its turn comes next';
  const name = block['name'] ? ` ${block['name']}` : '';
  switch (block.kind) {
    case 'paused':
      return `${block['what']}${name} is paused${block['reason'] ? `: ${block['reason']}` : ''}`;
    case 'limit':
      return `limit of ${block['limit']}${name}: ${block['running']} of ${block['max']} running`;
    case 'capacity':
      return `capacity of the log: ${block['running']} of ${block['max']} running`;
    case 'rate':
      return `rate of ${block['rate']}${name}: ${block['perSecond']} a second`;
    case 'no-worker':
      return `no worker for ${capability} is there`;
    case 'busy':
      return `all ${block['slots']} slots for ${capability} are taken`;
    case 'worker-mode':
      return `who can do it is ${block['mode']}: ${block['worker']}`;
    case 'retry-budget':
      return `retry budget of ${block['capability']} spent: ${block['retries']} of ${block['allowed']} retries within a minute; more from ${block['readyAt']}`;
    case 'breaker':
      return `breaker of ${block['breaker']}${name} is ${block['state']} since ${block['since']}${triesText(block)}`;
  }
};

const triesText = (block: NonNullable<NonNullable<StepView['waiting']>['blockedBy']>): string => {
  if (block['triesAt']) return `; tried next at ${block['triesAt']}`;
  return block['state'] === 'open' ? '; until it is closed by hand' : '; it lets a few attempts through';
};

const questionLines = (output: Output, { id, steps }: DelegationView): string[] =>
  steps.flatMap((step) =>
    step.question
      ? [
          '',
          output.paint('magenta', `${step.id} asks: ${step.question.text}`),
          `  mandate answer ${id} --question ${step.question.id} --text "..."`,
        ]
      : [],
  );

/** What a person is asked to approve, and how long it is asked. */
export const approvalLines = (output: Output, { scope, stepId, digest, expiresAt, subject }: ApprovalView): string[] => {
  const { delegationId: _id, stepId: _step, ...shown } = subject;
  const width = output.columns - 14;
  const facts = [
    ...Object.entries(shown)
      .filter(([, value]) => value !== null && !isEmpty(value))
      .map(([name, value]) => [name, truncate((typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('\n', ' '), width)]),
    ...(expiresAt ? [['until', expiresAt]] : []),
    ...(digest ? [['digest', digest]] : []),
  ];
  return [
    output.paint('magenta', `${scope === 'plan' ? 'the plan' : stepId} waits for an approval`),
    ...table(facts.map(([name = '', value = '']) => [`  ${output.paint('dim', name)}`, value])),
  ];
};

const isEmpty = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

const endLines = (output: Output, view: DelegationView): string[] => {
  if (view.ending?.error) return ['', `${output.paint('red', view.ending.error.code)}: ${view.ending.error.message}`];
  if (view.error) return ['', `${output.paint('red', view.error.code)}: ${view.error.message}`];
  return view.result === undefined ? [] : ['', ...valueLines(view.result)];
};
