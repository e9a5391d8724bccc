import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { shouldFallBack } from '@mandate/recognition';
import { shippedRecogniser } from './index.js';

const recognise = shippedRecogniser();

/** Our own sentences, none from the labelled sets. They guard against regressions; the rules were fitted to them, so they measure nothing. */
const PLAIN: Record<string, string[]> = {
  direct: [
    'Summarise this report',
    'Translate the attached letter into German.',
    'Please find the phone number of the nearest pharmacy',
    'Write a short poem about the sea',
    'Could you check the spelling of this document?',
    'Calculate the area of a circle with radius 5',
    'I need a summary of this article',
    "Draft an email to the team about Friday's meeting",
    'Convert this spreadsheet to PDF',
    'Classify this support ticket',
  ],
  sequential: [
    'Summarise these three reports and then write a recommendation',
    'Search the archive for solar panels, then extract the key facts, then write a summary',
    'Translate the letter into English, then summarise the translation and send it to Anna',
    'Download the file, unpack it and count the lines in it',
    'Transcribe the recording. Then summarise the transcript. Finally, email the summary to the team.',
    'First collect the sales figures, then draw a chart based on them',
    'Read the contract, extract the deadlines from it and put them in a table',
    'Fetch the log, filter the errors and then write a report about them',
    'Extract the text from the image and translate the extracted text into French',
  ],
  parallel: [
    'Check the spelling, count the words and detect the language of this document',
    'Translate the text into French. Also, check the grammar. Additionally, count the words.',
    'Get the weather in Rome, the exchange rate of the dollar and the price of gold, each separately',
    'Tell me the weather in Paris. Additionally, find a recipe for pancakes. Lastly, calculate the square root of 144.',
    'Search the news, the archive and the web in parallel',
    'Check the links, the images and the headings of this page independently',
    'In parallel, check the spelling and count the words',
    'Detect the language of this text, and separately count its words',
    'Verify the totals and list the missing invoices of this account',
    'Validate the addresses, check the dates and count the duplicates in this file',
  ],
  meta: [
    'Search the news, the archive and the web in parallel about wind power, compare what you find, then write a report and separately draft a short announcement',
    'Search the news and the archive in parallel, combine the results, then write a report',
    'Analyse both contracts separately, compare them, then draft a summary and separately prepare questions for the lawyer',
    'Summarise each report separately, merge the summaries, then write a recommendation and separately draft an email',
    'Fetch the sales and the costs in parallel, join them, then draw a chart and separately write a comment',
    'Check the spelling and the facts in parallel, then write a report and separately update the list',
    'Collect the figures from Oslo, Bergen and Trondheim in parallel, compare them, then write a memo and separately draw a chart',
    'Query the sales and the stock in parallel, merge the answers, then draft an order and separately notify the manager',
  ],
};

/** Text made of the very words and marks that rules look for, which plain random strings hardly hit. */
const cueText = fc
  .array(
    fc.constantFrom(
      'then',
      'and',
      ',',
      '.',
      '?',
      '\n',
      '1.',
      '2.',
      '- ',
      '"',
      "'",
      'the',
      'result',
      'summarise',
      'check',
      'it',
      'in parallel',
      'separately',
      'finally',
      'combine',
      'if',
      'I need',
      'report',
      '12',
      'é',
      '中',
    ),
    { maxLength: 60 },
  )
  .map((words) => words.join(' '));

const anyInput = fc.record(
  {
    text: fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), cueText),
    tools: fc.array(fc.string(), { maxLength: 4 }),
    givenSteps: fc.array(fc.string(), { maxLength: 6 }),
  },
  { requiredKeys: ['text'] },
);

describe('the shipped recogniser', () => {
  describe.each(Object.entries(PLAIN))('%s', (pattern, sentences) => {
    it.each(sentences)('%s', (text) => {
      expect(recognise({ text }).pattern).toBe(pattern);
    });
  });

  it.each([
    ['direct', 'Summarise the tide gauge report of Wend harbour'],
    ['sequential', 'Search the archive for tidal power, extract the key facts, and then write a short report'],
    ['parallel', 'In parallel, search the archive for tidal power, search the news for tidal power and search the web for tidal power'],
    [
      'meta',
      'Search the archive for tidal power and search the news for tidal power in parallel, then compare the findings, and finally write a report and draft an announcement in parallel',
    ],
  ])('is sure enough of a %s request that says how it is built', (pattern, text) => {
    const recognition = recognise({ text });
    expect(recognition.pattern).toBe(pattern);
    expect(shouldFallBack(recognition)).toBe(false);
  });

  it.each([
    'blue',
    'hm?',
    'The report on Q3 sales',
    'a better life',
    'how to get rich',
    'organise a birthday party',
    'restore an old wooden boat',
  ])('falls back where nothing is said of how it is built: %s', (text) => {
    expect(shouldFallBack(recognise({ text }))).toBe(true);
  });

  it('takes given steps as a hard fact', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const given = input.givenSteps?.length ?? 0;
        const { alternatives } = recognise(input);
        const chanceOf = (wanted: string): number => alternatives.find(({ pattern }) => pattern === wanted)?.confidence ?? NaN;
        if (given === 1) expect(chanceOf('direct')).toBe(1);
        if (given > 1) expect(chanceOf('direct')).toBe(0);
        if (given === 2) expect(chanceOf('meta')).toBe(0);
      }),
    );
  });

  it('answers any text with four alternatives that sum to exactly 1, in any order, the likeliest first, twice the same', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const recognition = recognise(input);
        const chances = recognition.alternatives.map(({ confidence }) => confidence);
        expect(new Set(recognition.alternatives.map(({ pattern }) => pattern)).size).toBe(4);
        expect(chances.reduce((a, b) => a + b, 0)).toBe(1);
        expect(chances.reduceRight((a, b) => a + b, 0)).toBe(1);
        expect(chances.every((chance) => chance >= 0 && chance <= 1)).toBe(true);
        expect([...chances].sort((a, b) => b - a)).toEqual(chances);
        expect(recognition).toMatchObject(recognition.alternatives[0] as object);
        expect(recognise(input)).toEqual(recognition);
      }),
      { numRuns: 300 },
    );
  });
});

describe('hostile text', () => {
  const hostile: Record<string, string> = {
    quotes: '"\'“‘',
    apostrophes: " 'a b' c'd",
    verbs: 'check and ',
    connectives: 'and then ',
    sentences: 'a. ',
    joins: 'Combine it, also check the list. ',
    apart: 'check the a, the b and the c in parallel, ',
    items: '1. 2. - ',
    brackets: '(((',
    dashes: 'a-',
    numbers: '1,1',
    spaces: 'a          ',
    references: 'translate the translated text, ',
  };

  it.each(Object.entries(hostile))('%s: twice the text costs about twice the time', (_, unit) => {
    const cost = (characters: number): number => {
      const text = unit.repeat(Math.ceil(characters / unit.length));
      const times = Array.from({ length: 5 }, () => {
        const before = process.threadCpuUsage();
        recognise({ text });
        const { user, system } = process.threadCpuUsage(before);
        return user + system;
      });
      return Math.min(...times);
    };
    cost(20_000);
    // Eight times the text: linear gives 8, quadratic 64. Microseconds of this thread's own CPU: waiting for a busy machine does not count.
    // Its clock is coarse, so less than two milliseconds count as two.
    expect(cost(160_000)).toBeLessThan(32 * Math.max(cost(20_000), 2_000));
  });
});
