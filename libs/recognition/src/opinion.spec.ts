import { describe, expect, it } from '@jest/globals';
import { prepare } from './model.js';
import { best, ORDER } from './chances.js';
import type { RecognitionInput } from './reading.js';

const situationIn = (input: RecognitionInput) => prepare(input).situation;

describe('the structural opinion', () => {
  it.each<[string, string, string]>([
    ['one deed', 'direct', 'Summarise this report'],
    ['goal', 'direct', 'How to restore an old wooden boat'],
    ['goal', 'direct', 'how do I get rich?'],
    ['one', 'direct', 'organise a birthday party'],
    ['question', 'direct', 'What is the capital of France?'],
    ['question of alternatives', 'parallel', 'Which is taller, Ben Nevis or Snowdon?'],
    ['question of two', 'parallel', 'Do both Oslo and Bergen lie by the sea?'],
    ['question counts apart', 'meta', 'How many more ships than boats are in the harbour?'],
    ['two one all', 'sequential', 'Translate the letter and then summarise the translation'],
    ['three own none also', 'parallel', 'Get the weather in Rome. Also, find a recipe. Additionally, convert 5 pounds.'],
    ['apart parallel', 'parallel', 'In parallel, check the spelling and count the words'],
    ['apart meta', 'meta', 'Search the news and the archive in parallel, compare them, then write a report and separately draft a memo'],
    ['listed few', 'sequential', 'Do this:\n1. fetch the log\n2. filter it\n3. mail it'],
  ])('%s, likeliest %s: %s', (key, pattern, text) => {
    const { judged, ...situation } = situationIn({ text });
    expect(situation.key).toBe(key);
    expect(ORDER[best(judged)]).toBe(pattern);
  });

  it('counts given steps', () => {
    expect(situationIn({ text: 'tea', givenSteps: ['boil water'] }).judged).toEqual([1, 0, 0, 0]);
    expect(situationIn({ text: 'tea', givenSteps: ['boil water', 'pour it'] }).judged[3]).toBe(0);
  });

  it('is open where only a goal is named, and nowhere else', () => {
    expect(situationIn({ text: 'How to make tea' }).open).toBe(true);
    expect(situationIn({ text: 'How to make tea', givenSteps: ['boil', 'pour', 'drink'] }).open).toBe(false);
    expect(situationIn({ text: 'How many boats lie in the harbour?' }).open).toBe(false);
  });

  it('never states more than it judges: chances sum to 1', () => {
    for (const text of ['a', 'Find it', 'Who?', 'Find it, then book it', 'Find it. Book it. Send it.', '1. a 2. b 3. c'])
      expect(situationIn({ text }).judged.reduce((a, b) => a + b, 0)).toBeCloseTo(1);
  });
});
