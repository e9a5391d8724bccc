/** The history of one delegation as a person would tell it. */
import { isFinal, type AuditEventView, type EventView, type Page } from '@mandate/contracts';
import type { ApiClient } from '../api/client.js';
import { apiOf, withCommonOptions, type CommonOptions, type Register } from '../commands/context.js';
import { CliError, EXIT } from '../exit.js';
import type { Output } from '../output.js';
import { EventNarrator, eventName } from '../text/event-text.js';
import { stateName, tookText } from '../text/state-text.js';

const PAGE = 500;

export const registerStory: Register = (audit, context) => {
  const command = audit.command('story').description('the history of one delegation, to read').argument('<delegation>');
  withCommonOptions(command).action(async (id: string, options: CommonOptions) => {
    const api = apiOf(context, options);
    const events = await historyOf(api, id);
    const { output } = context;
    if (options.json) {
      for (const event of events) output.json(event);
      return;
    }
    for (const line of await tell(api, output, id, events)) output.line(line);
  });
};

const historyOf = async (api: ApiClient, id: string): Promise<AuditEventView[]> => {
  const events: AuditEventView[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query = new URLSearchParams({ resource: `delegation/${id}`, limit: String(PAGE), ...(cursor === '' ? {} : { cursor }) });
    const page: Page<AuditEventView> = await api.json('GET', `/api/audit/events?${query}`);
    events.push(...page.items.filter(({ resource }) => resource.type === 'delegation'));
    cursor = page.nextCursor;
  }
  if (events.length === 0) throw new CliError('NOT_FOUND', `there is no delegation ${id}`, EXIT.no);
  return events.reverse();
};

const tell = async (api: ApiClient, output: Output, id: string, events: readonly AuditEventView[]): Promise<string[]> => {
  const [first] = events as [AuditEventView];
  const last = events.at(-1) as AuditEventView;
  const { goal, state } = await api.view(id);
  const narrator = new EventNarrator(output);
  const dim = (text: string): string => output.paint('dim', text);
  return [
    `${output.paint('bold', typeof goal === 'string' ? `“${goal}”` : '(erased)')}`,
    dim(
      `${id}, asked by ${first.actor.id} on ${first.occurredAt.slice(0, 10)}, ${stateName(state)}${isFinal(state) ? ` after ${tookText(first.occurredAt, last.occurredAt)}` : ''}`,
    ),
    ...events.map(
      (event) =>
        `${dim(event.occurredAt.slice(11, 23))}${narrator.line(asEvent(event)) ?? `  · ${plainly(event)}`}${dim(whoIn(event, first))}`,
    ),
    dim(`positions ${first.position} to ${last.position} of the log${first.traceId ? `, trace ${first.traceId}` : ''}`),
  ];
};

const asEvent = ({ position, id, action, resource, occurredAt, data, actor }: AuditEventView): EventView => ({
  position,
  id,
  type: action,
  version: resource.version,
  time: occurredAt,
  data,
  actor,
});

/** What the narrator of running delegations leaves out. */
const plainly = ({ action, data }: AuditEventView): string => {
  const text = (name: string): string => (typeof data[name] === 'string' || typeof data[name] === 'number' ? String(data[name]) : '');
  switch (eventName(action)) {
    case 'requested':
      return `asked, pattern ${text('pattern')}`;
    case 'stepdispatched':
      return `${text('stepId')} offered to ${text('instance')}, attempt ${text('attempt')}`;
    case 'stepprogressed':
      return `${text('stepId')} reports progress`;
    case 'childadmitted':
      return `${text('stepId')} delegates further: ${text('childId')}`;
    default:
      return [eventName(action), text('stepId')].filter(Boolean).join(' ');
  }
};

/** Who acted, where it is not whoever asked. */
const whoIn = ({ actor, where }: AuditEventView, first: AuditEventView): string =>
  actor.id === first.actor.id && actor.kind === first.actor.kind ? '' : `  (${actor.kind} ${actor.id}, by ${where.instance})`;
