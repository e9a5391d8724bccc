import type { ExplanationView } from '@mandate/contracts';
import type { Output } from '../output.js';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from './context.js';

export const registerExplain: Register = (program, context) => {
  const command = program.command('explain').description('why a delegation was read and planned as it was').argument('<id>');
  withCommonOptions(command).action(async (id: string, options: CommonOptions) => {
    const explanation = await apiOf(context, options).explanation(id);
    if (options.json) return context.output.json(explanation);
    for (const line of lines(context.output, explanation)) context.output.line(line);
  });
};

const percent = (share: number): string => `${Math.round(100 * share)} %`;

const lines = (output: Output, { decision, confidence, reasons, recognition, plan, fallback, feedback }: ExplanationView): string[] => {
  const title = (text: string): string => output.paint('dim', text);
  const chances = (list: { pattern: string; confidence: number }[]): string =>
    list.map((chance) => `${chance.pattern} ${percent(chance.confidence)}`).join(', ');
  return [
    ...(decision
      ? [`${decision.chosen}, ${percent(confidence ?? 0)} sure  ${title(decision.model)}`, `  ${chances(decision.alternatives)}`]
      : []),
    ...reasons.map((reason) => `  ${reason}`),
    ...(recognition
      ? [
          title('clauses'),
          ...recognition.clauses.map(({ text, link }) => `  ${link.padEnd(12)} ${text}`),
          title('rule'),
          `  ${recognition.rule.because}: ${chances(recognition.rule.alternatives)}`,
          ...(recognition.general ? [title('built alike'), `  ${chances(recognition.general.alternatives)}`] : []),
          title(`learned, trusted ${percent(recognition.trust.share)}`),
          `  ${chances(recognition.learned.alternatives)}`,
          ...recognition.learned.features.map(({ name, value, towards }) => `  ${name} = ${value}  (+${towards.toFixed(2)})`),
          title('answered by'),
          `  ${recognition.digest.slice(0, 16)}${recognition.layer === null ? '' : `, with ${recognition.layer} lessons of this tenant`}`,
        ]
      : []),
    ...(fallback ? [title('fell back'), `  ${fallback.reason}: ${fallback.detail}`] : []),
    ...(plan
      ? [
          title(`planned by ${plan.by}${plan.suggestion ? ', a suggestion' : ''}`),
          ...plan.steps.map(({ id, capability, dependsOn, goal }) =>
            `  ${id} ${capability}${dependsOn.length > 0 ? ` ← ${dependsOn.join(', ')}` : ''}  ${goal ?? ''}`.trimEnd(),
          ),
          ...plan.reasons.map((reason) => `  ${reason}`),
        ]
      : []),
    ...feedback.map(({ pattern, by }) => `${by} says it was ${pattern}`),
  ];
};
