import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CALIBRATION } from './calibration.js';
import { read } from './reading.js';
import { DEFAULT_FALLBACK_THRESHOLD, fallbackThreshold, recognise, recogniser, shouldFallBack } from './recognise.js';
import { tokenise } from './tokens.js';

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
    'Find the cheapest flight to Rome and book it',
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

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);

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

describe('recognise', () => {
  describe.each(Object.entries(PLAIN))('%s', (pattern, sentences) => {
    it.each(sentences)('%s', (text) => {
      const recognition = recognise({ text });
      expect(recognition.pattern).toBe(pattern);
      expect(shouldFallBack(recognition)).toBe(false);
    });
  });

  it('counts the steps that are stated', () => {
    expect(recognise({ text: 'Search the archive, then extract the facts, then write a summary' }).steps).toBe(3);
    expect(recognise({ text: 'Do this:\n1. fetch the log\n2. filter it\n3. mail it\n4. rest' }).steps).toBe(4);
    expect(recognise({ text: 'How to make tea 1. boil water 2. pour it', givenSteps: ['boil water', 'pour it'] }).steps).toBe(2);
    expect(recognise({ text: 'Who wrote the book?' }).steps).toBeUndefined();
  });

  it('says which clauses and cues it saw', () => {
    const { reasons } = recognise({ text: 'Summarise these three reports and then write a recommendation' });
    expect(reasons).toEqual([
      expect.stringContaining('Summarise these three reports'),
      expect.stringContaining('comes after the one before'),
    ]);
  });

  it('is not sure of what says little', () => {
    for (const text of ['blue', 'The report on Q3 sales', 'hm?']) expect(recognise({ text }).confidence).toBeLessThan(0.95);
    expect(shouldFallBack(recogniser({})({ text: 'Fetch it and then burn it' }))).toBe(true);
  });

  it('takes given steps as a hard fact', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const given = input.givenSteps?.length ?? 0;
        const direct = recognise(input).alternatives.find(({ pattern }) => pattern === 'direct')?.confidence;
        if (given === 1) expect(direct).toBe(1);
        if (given > 1) expect(direct).toBe(0);
      }),
    );
  });

  it('answers any text with four alternatives that sum to 1, the likeliest first, twice the same', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const recognition = recognise(input);
        const chances = recognition.alternatives.map(({ confidence }) => confidence);
        expect(new Set(recognition.alternatives.map(({ pattern }) => pattern)).size).toBe(4);
        expect(Math.abs(sum(chances) - 1)).toBeLessThan(1e-9);
        expect(chances.every((chance) => chance >= 0 && chance <= 1)).toBe(true);
        expect([...chances].sort((a, b) => b - a)).toEqual(chances);
        expect(recognition).toMatchObject(recognition.alternatives[0] as object);
        expect(recognise(input)).toEqual(recognition);
      }),
      { numRuns: 500 },
    );
  });

  it('has a table of chances', () => {
    for (const chances of Object.values(CALIBRATION)) expect(Math.abs(sum([...chances]) - 1)).toBeLessThan(1e-3);
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

describe('tokenise', () => {
  it('keeps quotations, files and numbers whole', () => {
    expect(tokenise('Apply "style, and so on" to photo.jpg at 12.5%.').map(({ kind }) => kind)).toEqual([
      'word',
      'quote',
      'word',
      'name',
      'word',
      'number',
      'stop',
    ]);
  });

  it('tells list items from numbers that end a sentence', () => {
    expect(tokenise('Items: 1. a 2. b').filter(({ kind }) => kind === 'item')).toHaveLength(2);
    expect(tokenise('Take ID 78. Then go').filter(({ kind }) => kind === 'item')).toHaveLength(0);
  });

  it('gives ranges of the text, in order', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), cueText), (text) => {
        let end = 0;
        for (const token of tokenise(text)) {
          expect(token.start).toBeGreaterThanOrEqual(end);
          expect(token.end).toBeGreaterThan(token.start);
          end = token.end;
        }
        expect(end).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});

describe('read', () => {
  it.each([
    ['I have a report. Please summarise it.', ['summarise']],
    ["I'd like you to find a flight, book it and email me the ticket", ['find', 'book', 'email']],
    ['I need the file transcribed, translated and checked', ['transcribe', 'translate', 'check']],
    ['Start by extracting the text, translating it and summarising it', ['extract', 'translate', 'summarise']],
    ['Please process the report and the list of results', ['process']],
    ["Translate 'find the file and delete it' into French", ['translate']],
  ])('%s', (text, verbs) => {
    expect(read({ text }).asks.map(({ verb }) => verb)).toEqual(verbs);
  });
});

describe('fallbackThreshold', () => {
  it('follows from costs and stays a probability', () => {
    expect(fallbackThreshold(2, 1)).toBe(DEFAULT_FALLBACK_THRESHOLD);
    expect(fallbackThreshold(10, 1)).toBeCloseTo(0.9);
    expect(fallbackThreshold(1, 5)).toBe(0);
    expect(shouldFallBack({ confidence: 0.6 }, 0.7)).toBe(true);
    expect(shouldFallBack({ confidence: 0.7 }, 0.7)).toBe(false);
  });
});
