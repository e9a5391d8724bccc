/** What the demonstration asks for: plain language, one goal a pattern; the engine recognises which. */
import type { DemoRequest } from './demo.js';

export const FIRST_START: readonly (readonly [title: string, request: DemoRequest])[] = [
  ['1 of 4', { goal: 'Summarise the project charter' }],
  ['2 of 4', { goal: 'Search for papers on event sourcing, then summarise them, then write a recommendation' }],
  ['3 of 4', { goal: 'Check the spelling, the links and the dates of the handbook in parallel' }],
  [
    '4 of 4',
    { goal: 'Search for event sourcing and for message queues at the same time, join the findings, then write a report and check it' },
  ],
];

export const LATER_START: typeof FIRST_START = [['A sign of life', { goal: 'Summarise the project charter' }]];
