import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { read } from './reading.js';
import { tokenise } from './tokens.js';

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
    expect(tokenise('constructor __proto__ toString').map(({ kind }) => kind)).toEqual(['word', 'name', 'word']);
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
