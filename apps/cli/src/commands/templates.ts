import type { TemplateView } from '@mandate/contracts';
import type { Output } from '../output.js';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from './context.js';

interface TemplateOptions extends CommonOptions {
  uses?: string;
}

export const registerTemplates: Register = (program, context) => {
  const command = program
    .command('templates')
    .description('graphs that served again and again, with what speaks for them')
    .option('--uses <n>', 'at least so many uses that served (3)');
  withCommonOptions(command).action(async (options: TemplateOptions) => {
    const page = await apiOf(context, options).templates(options.uses);
    if (options.json) return context.output.json(page);
    if (page.items.length === 0) context.output.line('none');
    for (const template of page.items) for (const line of lines(context.output, template)) context.output.line(line);
  });
};

const lines = (output: Output, { name, pattern, steps, evidence, confidence }: TemplateView): string[] => [
  `${name}  ${output.paint('dim', `${pattern}, serves with at least ${Math.round(100 * confidence)} %`)}`,
  ...steps.map(({ id, capability, dependsOn }) => `  ${id} ${capability}${dependsOn.length > 0 ? ` ← ${dependsOn.join(', ')}` : ''}`),
  output.paint(
    'dim',
    `  ${evidence.succeeded} served, ${evidence.failed} failed, ${evidence.requesters} requesters, last ${evidence.lastUsedAt}: ${evidence.delegations.join(' ')}`,
  ),
];
