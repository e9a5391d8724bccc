/** What the demonstration asks for: plain language, one goal a pattern; the engine recognises which. Topics are looked up by the demo workers. */
import type { DemoRequest } from './demo.js';

type Shown = readonly (readonly [title: string, request: DemoRequest])[];

/** "This report", "this document"; invented, and misspelt on purpose: one word is wrong and one stands there twice. */
const REPORT = {
  title: 'Ferry pier of Sandholm, spring inspection',
  text: [
    'The ferry pier of Sandholm was inspected on four days in April. Divers looked at all 62 piles and measured 18 of them with ultrasound.',
    'Three piles on the seaward side have lost more than a fifth of their wall and must be replaced before the winter storms. ' +
      'The fenders are worn but safe, and the lighting was repaired during the inspection.',
    'The harbour office recieved two offers for the new piles. The cheaper one takes six weeks, in which the the ferry would land at the old quay. ' +
      'The inspectors recommend to begin in August, when the water is calm and few lorries cross.',
  ].join('\n\n'),
};

const ONE_STEP: DemoRequest = { goal: 'Summarise this report', input: REPORT };

export const FIRST_START: Shown = [
  ['1 of 4: one step', ONE_STEP],
  ['2 of 4: a chain', { goal: 'Search the archive for tides, then extract the key facts, then write a summary' }],
  [
    '3 of 4: side by side',
    { goal: 'Check the spelling, count the words and detect the language of this document in parallel', input: REPORT },
  ],
  [
    '4 of 4: several stages',
    {
      goal: 'Search the news, the archive and the web in parallel about tidal power, compare what you find, then write a report and separately draft a short announcement',
    },
  ],
];

export const LATER_START: Shown = [['A sign of life', ONE_STEP]];
