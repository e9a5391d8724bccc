import type { Capabilities } from '@mandate/sdk';
import { compare } from './compare.js';
import { extractFacts } from './extract-facts.js';
import { search } from './search.js';
import { writeAnnouncement, writeReport } from './write.js';

const CONCURRENCY = 8;

export const research: Capabilities = {
  'search-archive': {
    description: 'Search the archive: find background articles and passages about a topic in the archive',
    tags: ['search', 'find', 'archive', 'history', 'background', 'papers'],
    concurrency: CONCURRENCY,
    effects: 'none',
    handler: search('archive'),
  },
  'search-news': {
    description: 'Search the news: find current news articles and headlines about a topic',
    tags: ['search', 'find', 'news', 'headlines', 'current'],
    concurrency: CONCURRENCY,
    effects: 'none',
    handler: search('news'),
  },
  'search-web': {
    description: 'Search the web: find saved web pages about a topic',
    tags: ['search', 'find', 'web', 'internet', 'pages'],
    concurrency: CONCURRENCY,
    effects: 'none',
    handler: search('web'),
  },
  'extract-facts': {
    description: 'Extract the key facts, figures and dates from texts or search results',
    tags: ['extract', 'facts', 'figures', 'numbers', 'key points'],
    concurrency: CONCURRENCY,
    effects: 'none',
    handler: extractFacts,
  },
  compare: {
    description: 'Compare findings, sources or texts: join them and show where they agree and how they differ',
    tags: ['compare', 'join', 'differences', 'agree', 'contrast', 'findings'],
    concurrency: CONCURRENCY,
    effects: 'none',
    handler: compare,
  },
  'write-report': {
    description: 'Write a report or a recommendation in Markdown from findings and facts, with its sources',
    tags: ['write', 'report', 'recommendation', 'article', 'markdown'],
    concurrency: CONCURRENCY,
    effects: 'none',
    handler: writeReport,
  },
  'write-announcement': {
    description: 'Draft a short announcement or press note about a topic or findings',
    tags: ['draft', 'write', 'announcement', 'press', 'short', 'post'],
    concurrency: CONCURRENCY,
    effects: 'none',
    handler: writeAnnouncement,
  },
};
