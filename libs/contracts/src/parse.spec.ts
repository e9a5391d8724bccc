import { describe, expect, it } from '@jest/globals';
import { AppError } from '@mandate/kernel';
import { validateSync } from 'class-validator';
import { plainToInstance } from 'class-transformer';
import { parse, parseJson } from './parse.js';
import { DelegationCommand, DelegationRequest } from './request.js';
import { parseInbound } from './subjects.js';
import { Registration, StepResult } from './work.js';

const id = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'accepted';
  } catch (error) {
    return error instanceof AppError ? `${error.code} ${String(error.details['field'] ?? '')}`.trim() : String(error);
  }
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const requests: [string, unknown, string][] = [
  ['the least', { goal: 'x' }, 'accepted'],
  [
    'every field',
    {
      id,
      idempotencyKey: 'k',
      onDuplicate: 'reject',
      goal: 'x',
      input: null,
      pattern: 'meta',
      tools: [{ id: 'a' }],
      budget: { deadline: 'PT5S', depth: 0, steps: 1 },
      approval: 'plan',
      parent: { delegationId: id, stepId: 'a', attempt: 1, leaseId: id },
      dataSubject: 's',
      metadata: { a: 'b' },
    },
    'accepted',
  ],
  [
    'steps',
    {
      goal: 'x',
      steps: [
        { id: 'a', capability: 'b' },
        { id: 'c', capability: 'b', dependsOn: ['a'], timeout: 'PT1M', maxAttempts: 1, irreversible: true },
      ],
    },
    'accepted',
  ],
  ['no goal', {}, 'INVALID_FIELD goal'],
  ['a null goal', { goal: null }, 'INVALID_FIELD goal'],
  ['null where absent is meant', { goal: 'x', steps: null }, 'INVALID_FIELD steps'],
  ['an unknown field', { goal: 'x', gaol: 1 }, 'UNKNOWN_FIELD gaol'],
  ['an unknown field below', { goal: 'x', steps: [{ id: 'a', capability: 'b', cap: 1 }] }, 'UNKNOWN_FIELD steps[0].cap'],
  ['a prototype', JSON.parse('{"goal":"x","__proto__":{"a":1}}'), 'UNKNOWN_FIELD __proto__'],
  ['a priority that is none', { goal: 'x', priority: 10 }, 'INVALID_FIELD priority'],
  ['a cost that is no decimal text', { goal: 'x', budget: { usd: 0.4 } }, 'INVALID_FIELD budget.usd'],
  ['a dotted step id', { goal: 'x', steps: [{ id: 'a.b', capability: 'b' }] }, 'INVALID_FIELD steps[0].id'],
  ['a huge input', { goal: 'x', input: 'é'.repeat(140_000) }, 'INVALID_FIELD input'],
  ['a long list', { goal: 'x', steps: Array.from({ length: 100_000 }, () => 7) }, 'INVALID_FIELD steps'],
  ['no step', { goal: 'x', steps: [] }, 'INVALID_FIELD steps'],
  ['an array', [], 'INVALID_FIELD'],
  ['a text', 'goal', 'INVALID_FIELD'],
];

describe('parse', () => {
  it.each(requests)('a request: %s', (_name, document, expected) =>
    expect(codeOf(() => parse(DelegationRequest, document))).toBe(expected),
  );

  it.each(requests.filter(([, document]) => typeof document === 'object' && !Array.isArray(document)))(
    'agrees with class-validator itself: %s',
    (_name, document, expected) => {
      const errors = validateSync(plainToInstance(DelegationRequest, document), { whitelist: true, forbidNonWhitelisted: true });
      // class-transformer drops __proto__ in silence; ours refuses it.
      if (_name !== 'a prototype') expect(errors.length === 0).toBe(expected === 'accepted');
    },
  );

  it('asks a failed result for its error and a question for its text', () => {
    expect(codeOf(() => parse(StepResult, { leaseId: id, status: 'failed' }))).toBe('INVALID_FIELD error');
    expect(codeOf(() => parse(StepResult, { leaseId: id, status: 'input_required', question: { id: 'q' } }))).toBe(
      'INVALID_FIELD question.text',
    );
    expect(codeOf(() => parse(StepResult, { leaseId: id, status: 'completed', output: null }))).toBe('accepted');
  });

  it('says what the limit is', () =>
    expect(() => parse(DelegationRequest, { goal: 'x', steps: Array.from({ length: 2_000 }, () => 7) })).toThrow('no more than 1024'));

  it.each([
    [{ goal: 7 }, 'goal: must be a string'],
    [{ goal: '' }, 'goal: must be longer than or equal to 1 characters'],
    [{ goal: 'x', priority: 'high' }, 'priority: must be an integer number'],
    [{ goal: 'x', steps: 'a' }, 'steps: must be an array'],
  ])('says of %j the kind first, and the field once: %s', (sent, said) => expect(() => parse(DelegationRequest, sent)).toThrow(said));

  it.each(['a\u0000b', 'a\nb', 'a\ud800b', '', 'x'.repeat(201)])(
    'takes no key that the log cannot hold in the clear: %j',
    (concurrencyKey) => expect(codeOf(() => parse(DelegationRequest, { goal: 'x', concurrencyKey }))).toBe('INVALID_FIELD concurrencyKey'),
  );

  it.each(['a', 'tenant 7/日本', '👋', 'x'.repeat(200)])('takes any other key: %j', (concurrencyKey) =>
    expect(parse(DelegationRequest, { goal: 'x', concurrencyKey })).toMatchObject({ concurrencyKey }),
  );

  it('refuses what a command cannot carry yet', () =>
    expect(codeOf(() => parse(DelegationCommand, { commandId: id, type: 'approve', digest: 'ab' }))).toBe('INVALID_FIELD digest'));

  it('wants at least one capability of a worker', () =>
    expect(codeOf(() => parse(Registration, { name: 'w', version: '1', instance: 'i', capabilities: [] }))).toBe(
      'INVALID_FIELD capabilities',
    ));
});

describe('parseJson', () => {
  it.each([
    ['{"a":1}', 'accepted'],
    ['{', 'INVALID_JSON'],
    ['', 'INVALID_JSON'],
    [`${'['.repeat(65)}${']'.repeat(65)}`, 'TOO_DEEP'],
    ['['.repeat(900_000), 'TOO_DEEP'],
    [`"${'x'.repeat(1_048_576)}"`, 'TOO_LARGE'],
    ['{"a":[1e999]}', 'INVALID_JSON'],
    [`[-${'9'.repeat(400)}]`, 'INVALID_JSON'],
    [`[${'9'.repeat(250)}e99]`, 'INVALID_JSON'],
    ['{"a":[1e-999,"1e999",0e999,1.5e308]}', 'accepted'],
  ])('%.20s', (text, expected) => expect(codeOf(() => parseJson(bytes(text)))).toBe(expected));

  it('refuses bytes that are no text', () => expect(codeOf(() => parseJson(Uint8Array.from([0xff, 0xfe])))).toBe('INVALID_JSON'));
});

describe('parseInbound', () => {
  it.each([
    [`mandate.v1.default.request.${id}.me`, 'request'],
    [`mandate.v1.default.command.${id}.me`, 'command'],
    [`mandate.v1.default.result.${id}.s1.2`, 'result'],
    [`mandate.v1.default.result.${id}.s1.0`, undefined],
    [`mandate.v1.default.result.${id}.s1`, undefined],
    [`mandate.v1.Default.request.${id}.me`, undefined],
    [`mandate.v1.default.request.${id.toLowerCase()}.me`, undefined],
    [`mandate.v1.default.request.${id}.me.too`, undefined],
    [`mandate.v1.default.event.delegation.${id}`, undefined],
  ])('%s', (subject, family) => expect(parseInbound(subject)?.family).toBe(family));
});
