/** What the demonstration asks for: plain language, one goal a pattern; the engine recognises which. The demo workers bring the material. */
import type { DemoRequest } from './demo.js';

type Shown = readonly (readonly [title: string, request: DemoRequest])[];

const ONE_STEP = { goal: 'Summarise the tide gauge report of Wend harbour' };

export const FIRST_START: Shown = [
  ['1 of 4: one step', ONE_STEP],
  ['2 of 4: a chain', { goal: 'Search the archive for tidal power, extract the key facts, and then write a short report' }],
  [
    '3 of 4: side by side',
    { goal: 'In parallel, search the archive for tidal power, search the news for tidal power and search the web for tidal power' },
  ],
  [
    '4 of 4: several stages',
    {
      goal: 'Search the archive for tidal power and search the news for tidal power in parallel, then compare the findings, and finally write a report and draft an announcement in parallel',
    },
  ],
];

export const LATER_START: Shown = [['A sign of life', ONE_STEP]];
