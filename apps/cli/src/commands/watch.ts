import { CliError, EXIT } from '../exit.js';
import { EventNarrator, eventName } from '../text/event-text.js';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from './context.js';

interface WatchOptions extends CommonOptions {
  after?: string;
}

const position = (text: string | undefined): number => {
  if (text === undefined) return 0;
  if (!/^\d{1,15}$/.test(text)) throw new CliError('BAD_POSITION', '--after takes the position of an event, a whole number', EXIT.usage);
  return Number(text);
};

export const registerWatch: Register = (program, context) => {
  const command = program
    .command('watch')
    .description('what happens to a delegation, until it has ended (--json: JSON lines)')
    .argument('<id>')
    .option('--after <position>', 'only events after this one');
  withCommonOptions(command).action(async (id: string, options: WatchOptions) => {
    const { output } = context;
    const narrator = new EventNarrator(output);
    let last = '';
    for await (const event of apiOf(context, options).follow(id, position(options.after))) {
      last = eventName(event.type);
      const line = options.json ? null : narrator.line(event);
      if (options.json) output.json(event);
      else if (line) output.line(`${output.paint('dim', event.time.slice(11, 23))}${line}`);
    }
    context.exit(last === 'completed' ? EXIT.done : EXIT.no);
  });
};
