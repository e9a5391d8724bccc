import { beforeAll, describe, expect, it } from '@jest/globals';
import { examples, requests, written } from '../../spec/requests.js';
import { ORDER } from '../chances.js';
import { decodeModel, encodeModel } from '../codec.js';
import { examine, type Examined, type RecogniserModel } from '../model.js';
import { tenantRecogniser, type TenantRecogniser } from '../online/tenant.js';
import { decodeTenant } from '../online/tenant-codec.js';
import { recogniser } from '../recognise.js';
import { SUMMED } from '../familiarity.js';
import { figuresOf, judge } from './figures.js';
import { heldOutCases, teach, teachWithoutFamilies, trainModel, type TrainingSet } from './train.js';

const HEADER = { name: 'test', version: '1', trainedOn: 'a'.repeat(64), provenance: [{ source: 'press_a', licence: 'own', requests: 1 }] };
const quiet = (): void => undefined;

const train = (): RecogniserModel => {
  const set: TrainingSet = { examples: examples(16), written: written(4) };
  const whole = teach(set);
  return trainModel(whole, heldOutCases(set, whole, teachWithoutFamilies(set, quiet), quiet), HEADER);
};

describe('training', () => {
  let model: RecogniserModel;
  let bytes: Uint8Array;
  beforeAll(() => {
    bytes = encodeModel(train());
    model = decodeModel(bytes);
  }, 120_000);

  it('gives the same bytes for the same requests', () => {
    expect(Buffer.compare(encodeModel(train()), bytes)).toBe(0);
    expect(Buffer.compare(encodeModel(model), bytes)).toBe(0);
  }, 120_000);

  it('holds no text of the requests but what they have in common', () => {
    const text = Buffer.from(bytes).toString('latin1');
    for (const { input } of requests(16)) expect(text).not.toContain(input.text);
  });

  it('teaches the patterns', () => {
    const answers = examples(40).map((example) => judge(example, examine(model, example.input).chances));
    const { accuracy, macroF1, n } = figuresOf(answers, 0.5);
    expect(n).toBe(480);
    expect(accuracy).toBeGreaterThan(0.9);
    expect(macroF1).toBeGreaterThan(0.9);
  });

  it('trusts what it learned no more with strangers', () => {
    const known = examine(model, { text: 'Please translate the letter.' });
    const strange = examine(model, { text: 'Whereupon seven gloomy penguins waltzed beneath yonder moonlit aqueduct' });
    const sumOf = ({ familiarity }: Examined): number => SUMMED.reduce((sum, at) => sum + (familiarity.signs[at] as number), 0);
    expect(sumOf(strange)).toBeLessThan(sumOf(known));
    expect(strange.trust).toBeLessThanOrEqual(known.trust);
  });

  it('says what spoke for the answer', () => {
    const { reasons, pattern } = recogniser(model)({ text: 'Please check the log, then convert the result and index it.' });
    expect(pattern).toBe('sequential');
    expect(reasons.join('\n')).toContain('how it is built');
  });

  describe('bytes that are no model', () => {
    const refused = expect.objectContaining({ code: 'BAD_MODEL' }) as unknown as Error;
    it.each<[string, () => Uint8Array]>([
      ['nothing', () => new Uint8Array(0)],
      ['no JSON', () => Buffer.from('nonsense\n')],
      ['another format', () => Buffer.from('{"format":"x"}\n')],
      ['cut off', () => bytes.slice(0, bytes.length - 4)],
      ['longer', () => Buffer.concat([bytes, Buffer.from('x')])],
    ])('%s', (_, made) => {
      expect(() => decodeModel(made())).toThrow(refused);
    });
  });

  describe('a tenant', () => {
    /** Here people mean the opposite: what reads as one thing after the other is done side by side. */
    const contrary = (rounds: number) =>
      requests(rounds).map((request) => ({ ...request, label: request.label === 'sequential' ? ('parallel' as const) : request.label }));
    const taught = (rounds: number) => {
      const tenant = tenantRecogniser(model);
      const answers = contrary(rounds).map(({ input, label }) => {
        const { recognition, learn } = tenant.answer(input);
        learn(label);
        return recognition.pattern === label;
      });
      return { tenant, answers };
    };

    it('starts with what ships and learns what is meant there', () => {
      const input = { text: 'Please check the log, then convert the result and index it.' };
      const tenant = tenantRecogniser(model);
      expect(tenant.answer(input).recognition).toEqual(recogniser(model)(input));
      const { answers } = taught(40);
      const last = answers.slice(-120);
      expect(last.filter(Boolean).length / last.length).toBeGreaterThan(0.9);
    });

    it('lets one outcome hardly move what it says of other requests', () => {
      const input = { text: 'Please check the log, then convert the result and index it.' };
      const tenant = tenantRecogniser(model);
      const before = tenant.answer(input).recognition;
      tenant.answer({ text: 'spell' }).learn('direct');
      const { pattern, confidence } = tenant.answer(input).recognition;
      expect(pattern).toBe(before.pattern);
      expect(Math.abs(confidence - before.confidence)).toBeLessThan(0.15);
    });

    it('is a function of its outcomes: replayed, they give the same bytes, and bytes taken up go on the same', () => {
      const bytesOf = (): Uint8Array => taught(12).tenant.bytes();
      const once = bytesOf();
      expect(Buffer.compare(bytesOf(), once)).toBe(0);
      const resumed = tenantRecogniser(model, decodeTenant(once, HEADER.trainedOn));
      expect(Buffer.compare(resumed.bytes(), once)).toBe(0);
      const going = taught(12).tenant;
      for (const tenant of [resumed, going]) for (const { input, label } of contrary(8)) tenant.answer(input).learn(label);
      expect(Buffer.compare(resumed.bytes(), going.bytes())).toBe(0);
      expect(() => decodeTenant(once, 'b'.repeat(64))).toThrow(expect.objectContaining({ code: 'BAD_MODEL' }) as unknown as Error);
    });

    it('learns a little from what was tried, and only where a guard watches', () => {
      const input = { text: 'Please check the log, then convert the result and index it.' };
      const chanceOf = (tenant: TenantRecogniser): number =>
        tenant.answer(input).recognition.alternatives.find(({ pattern }) => pattern === 'parallel')?.confidence ?? NaN;
      const untaught = tenantRecogniser(model);
      untaught.answer(input).learnTrial('parallel', true);
      expect(chanceOf(untaught)).toBe(chanceOf(tenantRecogniser(model)));
      const { tenant } = taught(12);
      const before = chanceOf(tenant);
      for (let i = 0; i < 5; i++) tenant.answer(input).learnTrial('parallel', false);
      const shaken = chanceOf(tenant);
      expect(shaken).toBeLessThan(before);
      for (let i = 0; i < 5; i++) tenant.answer(input).learnTrial('parallel', true);
      expect(chanceOf(tenant)).toBeGreaterThan(shaken);
      expect(tenant.state).toMatchObject({ trials: 10, outcomes: taught(12).tenant.state.outcomes });
    });

    it('explains the answer that it gave', () => {
      const { tenant } = taught(12);
      const answer = tenant.answer({ text: 'Please check the log, then convert the result and index it.' });
      const { pattern, confidence, model: named } = answer.recognition;
      expect(answer.explain()).toMatchObject({ pattern, confidence, model: named });
    });

    it('keeps no text', () => {
      const text = Buffer.from(taught(12).tenant.bytes()).toString('latin1').toLowerCase();
      for (const word of ['summarise', 'letter', 'invoice', 'parallel']) expect(text).not.toContain(word);
    });

    it('goes back to where it was when outcomes make it worse', () => {
      const { tenant } = taught(40);
      const before = tenant.state.rollbacks;
      requests(40).forEach(({ input }, i) => tenant.answer(input).learn(ORDER[(i * 7) % 4] as (typeof ORDER)[number]));
      expect(tenant.state.rollbacks).toBeGreaterThan(before);
    });
  });
});
