/** `mandate recognise`: JSON lines of requests in, JSON lines of patterns out. Offline; memory does not grow with the file. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { PATTERNS, type Pattern } from '@mandate/contracts';
import {
  recogniser,
  shouldFallBack,
  tenantRecogniser,
  type PatternConfidence,
  type Recognition,
  type RecogniserModel,
  type RecognitionInput,
} from '@mandate/recognition';
import { shippedModel } from '@mandate/recognition-model';
import type { Register } from './commands/context.js';
import { EXIT } from './exit.js';

interface RequestLine {
  id: string;
  text: string;
  tools: string[];
  givenSteps: string[];
  outcome: Pattern | null;
}

type Answer =
  | { id: string; pattern: Pattern; confidence: number; alternatives: PatternConfidence[]; fallback: boolean; steps?: number }
  | { id: string | null; error: { code: 'BAD_JSON' | 'BAD_REQUEST'; message: string } };

class BadLine extends Error {
  constructor(
    readonly code: 'BAD_JSON' | 'BAD_REQUEST',
    readonly id: string | null,
    message: string,
  ) {
    super(message);
  }
}

const parseJson = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    throw new BadLine('BAD_JSON', null, 'the line is not JSON');
  }
};

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const stringsOf = (value: unknown, read: (item: unknown) => string | null): string[] | null => {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return null;
  const found = value.map(read);
  return found.includes(null) ? null : (found as string[]);
};

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const toolName = (value: unknown): string | null => text(isRecord(value) ? value['id'] : value);

const parseLine = (line: string): RequestLine => {
  const value = parseJson(line);
  if (!isRecord(value)) throw new BadLine('BAD_REQUEST', null, 'the line is not a JSON object');
  const id = text(value['id']);
  const refuse = (message: string): BadLine => new BadLine('BAD_REQUEST', id, message);
  if (id === null) throw refuse('"id" must be a string');
  const goal = text(value['text']);
  if (goal === null || goal.trim() === '') throw refuse('"text" must be a string that says something');
  const tools = stringsOf(value['tools'], toolName);
  if (!tools) throw refuse('"tools" must be a list of names or of objects with an "id"');
  const givenSteps = stringsOf(value['given_steps'], text);
  if (!givenSteps) throw refuse('"given_steps" must be a list of strings');
  const outcome = value['outcome'];
  const learned = PATTERNS.find((pattern) => pattern === outcome) ?? null;
  if (outcome !== undefined && outcome !== null && learned === null) throw refuse(`"outcome" must be one of ${PATTERNS.join(', ')}`);
  return { id, text: goal, tools, givenSteps, outcome: learned };
};

/** Answers a request, then learns from how it turned out where that is told. */
type Responder = (input: RecognitionInput, outcome: Pattern | null) => Recognition;

const responder = (model: RecogniserModel, online: boolean): Responder => {
  if (!online) return recogniser(model);
  const tenant = tenantRecogniser(model);
  return (input, outcome) => {
    const { recognition, learn } = tenant.answer(input);
    if (outcome) learn(outcome);
    return recognition;
  };
};

const answer = (line: string, respond: Responder): Answer => {
  try {
    const { id, outcome, ...input } = parseLine(line);
    const recognition = respond(input, outcome);
    const { pattern, confidence, alternatives, steps } = recognition;
    return { id, pattern, confidence, alternatives, fallback: shouldFallBack(recognition), ...(steps === undefined ? {} : { steps }) };
  } catch (error) {
    if (!(error instanceof BadLine)) throw error;
    return { id: error.id, error: { code: error.code, message: error.message } };
  }
};

/** Characters that are written without waiting for more. */
const ENOUGH = 16_384;

/**
 * Writes answers to lines that came together in one go: a call of the system for each costs a good part of what answering does. They leave
 * before the process waits for anything, so that who waits for an answer gets it.
 */
class Answers {
  private waiting = '';

  constructor(private readonly output: Writable) {}

  async add(line: string): Promise<void> {
    if (this.waiting === '') process.nextTick(() => this.leave());
    this.waiting += line;
    if (this.waiting.length >= ENOUGH) this.leave();
    if (this.output.writableNeedDrain) await once(this.output, 'drain');
  }

  leave(): void {
    if (this.waiting === '') return;
    this.output.write(this.waiting);
    this.waiting = '';
  }
}

/** Answers each line in order, waiting for the reader of `output`; blank lines are skipped. Resolves to the number of bad lines. */
export const recogniseLines = async (
  input: Readable,
  output: Writable,
  errors: Writable,
  { online = false }: { online?: boolean } = {},
): Promise<number> => {
  const respond = responder(shippedModel(), online);
  const answers = new Answers(output);
  let number = 0;
  let bad = 0;
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    number += 1;
    if (line.trim() === '') continue;
    const answered = answer(line, respond);
    if ('error' in answered) {
      bad += 1;
      if (!errors.write(`line ${number}: ${answered.error.code}: ${answered.error.message}\n`)) await once(errors, 'drain');
    }
    await answers.add(`${JSON.stringify(answered)}\n`);
  }
  answers.leave();
  return bad;
};

export const registerRecognise: Register = (program, context) => {
  program
    .command('recognise')
    .description(
      'tell the pattern of each request: JSON lines {"id","text","tools"?,"given_steps"?,"outcome"?} on standard input, answers on standard output',
    )
    .option('--online', 'answer each line, then learn from its "outcome"')
    .allowExcessArguments(false)
    .action(async ({ online }: { online?: boolean }) => {
      if ((await recogniseLines(process.stdin, process.stdout, process.stderr, { online: online ?? false })) > 0) context.exit(EXIT.no);
    });
};
