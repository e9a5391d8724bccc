/** Reports and announcements in Markdown, made of what earlier steps found. */
import type { JsonValue, Task } from '@mandate/sdk';
import type { Passage } from '../corpus.js';
import { materialOf, passagesIn } from '../material.js';
import { summarise } from '../text/summary.js';
import { topicOf } from '../text/words.js';
import { searchKind } from './search.js';

interface Sources {
  passages: Passage[];
  text: string;
  source: string;
}

/** A writer that was given nothing searches for itself. */
const sourcesOf = (task: Task): Sources => {
  const passages = passagesIn([task.input, task.results]);
  const material = materialOf(task);
  if (passages.length > 0) return { passages, text: passages.map(({ passage }) => passage).join('\n\n'), source: material.source };
  const own = Object.keys(task.results).length === 0 && task.input === null ? searchAll(topicOf(task.goal)) : [];
  if (own.length > 0)
    return { passages: own, text: own.map(({ passage }) => passage).join('\n\n'), source: 'its own search of the bundled articles' };
  return { passages: [], ...material };
};

const searchAll = (topic: string): Passage[] =>
  topic ? (['archive', 'news', 'web'] as const).flatMap((kind) => searchKind(kind, topic).findings.slice(0, 2)) : [];

const titleOf = (goal: string, fallback: string): string => {
  const topic = topicOf(goal) || fallback;
  return topic.charAt(0).toUpperCase() + topic.slice(1);
};

export const writeReport = (task: Task): { report: string; source: string } => {
  const { passages, text, source } = sourcesOf(task);
  const sections = [
    `# ${titleOf(task.goal, passages[0]?.title ?? 'Report')}`,
    section('In short', summarise(text, 3, topicOf(task.goal)).join(' ')),
    section('What the sources say', bySource(passages)),
    section('Where they agree', agreements(task.results)),
    section('Facts', list(factsIn(task.results))),
    section('Sources', list([...new Set(passages.map(({ title, kind, date }) => `${title} (${kind}, ${date})`))])),
  ];
  return { report: sections.filter(Boolean).join('\n\n'), source };
};

export const writeAnnouncement = (task: Task): { announcement: string; source: string } => {
  const { passages, text, source } = sourcesOf(task);
  const [lead = '', ...rest] = summarise(text, 2, topicOf(task.goal));
  const from = passages.length > 0 ? ` Based on ${new Set(passages.map(({ title }) => title)).size} sources.` : '';
  return { announcement: `**${titleOf(task.goal, passages[0]?.title ?? 'News')}**\n\n${[lead, ...rest].join(' ')}${from}`, source };
};

const section = (title: string, body: string): string => (body ? `## ${title}\n\n${body}` : '');
const list = (items: readonly string[]): string => items.map((item) => `- ${item}`).join('\n');

const bySource = (passages: readonly Passage[]): string => {
  const groups = new Map<string, Passage[]>();
  for (const passage of passages) groups.set(passage.title, [...(groups.get(passage.title) ?? []), passage]);
  return [...groups]
    .map(([title, group]) => `**${title}** ${summarise(group.map(({ passage }) => passage).join('\n\n'), 2).join(' ')}`)
    .join('\n\n');
};

const isObject = (value: JsonValue | undefined): value is Record<string, JsonValue> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listsNamed = (name: string, results: Record<string, JsonValue>): JsonValue[] =>
  Object.values(results).flatMap((output) => (isObject(output) && Array.isArray(output[name]) ? output[name] : []));

const agreements = (results: Record<string, JsonValue>): string =>
  list(
    listsNamed('agreements', results).flatMap((pair) => {
      if (!isObject(pair) || !isObject(pair['one']) || !isObject(pair['other'])) return [];
      return `${String(pair['one']['title'])} and ${String(pair['other']['title'])} (similarity ${String(pair['similarity'])})`;
    }),
  );

const factsIn = (results: Record<string, JsonValue>): string[] =>
  listsNamed('facts', results).flatMap((fact) => (isObject(fact) && typeof fact['fact'] === 'string' ? fact['fact'] : []));
