/** JSON Schemas of the contract's views, for OpenAPI. */
import { DEAD_LETTER_FATES, DEAD_LETTER_KINDS, OVERLAPS, PATTERNS, TASK_STATES } from '@mandate/contracts';
import { schemas } from '@mandate/service-host';

const { integer, list, nullable, record, text, time } = schemas;

const id = { type: 'string', pattern: '^[0-7][0-9A-HJKMNP-TV-Z]{25}$' };
const state = { type: 'string', enum: TASK_STATES };
const pattern = { type: 'string', enum: PATTERNS };
const confidence = { type: 'number', minimum: 0, maximum: 1 };
export const SCHEDULE = record(
  {
    id,
    name: nullable(text),
    cron: text,
    timezone: text,
    overlap: { type: 'string', enum: OVERLAPS },
    catchUp: text,
    state: { type: 'string', enum: ['active', 'paused'] },
    request: { description: 'What is asked for each time; not in lists' },
    principal: text,
    createdAt: time,
    nextAt: nullable(time),
    bufferedAt: nullable(time),
    recent: list(
      record({ dueAt: time, what: { type: 'string', enum: ['triggered', 'skipped', 'missed'] }, delegationId: id }, ['delegationId']),
    ),
  },
  ['request'],
);

export const TRIGGERED = record({ delegationId: id });

const number = { type: 'number' };
const anyJson = {};

export const ACKNOWLEDGEMENT = record({ id, state });

const ERROR = record({ code: text, message: text });
const OUTPUT = { description: 'Any JSON; above 64 KiB {"$ref","sha256","bytes"}, the whole stands at the reference' };

const WAITING = record({
  since: time,
  priority: integer,
  reason: { type: 'string', enum: ['first', 'retry', 'worker-lost', 'not-accepted', 'answered'] },
  position: { ...integer, description: '1 = next of its capability; 1001 stands for more' },
  blockedBy: nullable({
    type: 'object',
    required: ['kind'],
    properties: {
      kind: {
        type: 'string',
        enum: ['paused', 'limit', 'capacity', 'rate', 'no-worker', 'busy', 'worker-mode', 'retry-budget', 'breaker'],
      },
    },
    additionalProperties: { anyOf: [text, { type: 'number' }] },
  }),
  holders: list(record({ delegationId: id, stepId: text, worker: text })),
});

const STEP = record(
  {
    id: text,
    capability: text,
    substitute: { ...text, description: 'The capability that the last attempt was made under instead' },
    state,
    attempt: integer,
    dependsOn: list(text),
    worker: nullable(text),
    startedAt: nullable(time),
    endedAt: nullable(time),
    compensates: { ...text, description: 'The step that this one undoes' },
    output: OUTPUT,
    error: ERROR,
    waiting: WAITING,
    question: record({ id: text, text, schema: anyJson }, ['schema']),
  },
  ['substitute', 'compensates', 'output', 'error', 'waiting', 'question'],
);

const CHANCES = list(record({ pattern, confidence }));

const DECISION = record({
  chosen: pattern,
  alternatives: CHANCES,
  model: text,
  fallback: nullable(text),
});

const APPROVAL = record(
  {
    scope: { type: 'string', enum: ['plan', 'step'] },
    stepId: text,
    digest: {
      type: 'string',
      pattern: '^[0-9a-f]{64}$',
      description: 'Keyed, of the subject: an approval that names it approves nothing else',
    },
    expiresAt: time,
    subject: { type: 'object', description: 'Exactly what will run' },
  },
  ['stepId', 'digest', 'expiresAt'],
);

export const DELEGATION = record(
  {
    id,
    state,
    goal: { anyOf: [text, record({ erased: { const: true } })] },
    pattern: nullable(pattern),
    confidence: nullable(confidence),
    decision: nullable(DECISION),
    steps: list(STEP),
    approvals: list(APPROVAL),
    ending: record({ state, error: ERROR }, ['error']),
    result: { description: "The only sink's output, else an object by step id" },
    error: ERROR,
    spent: record({ usd: text, tokens: integer }),
    createdAt: time,
    startAt: time,
    endedAt: time,
  },
  ['approvals', 'ending', 'result', 'error', 'spent', 'startAt', 'endedAt'],
);

export const EXPLANATION = record({
  id,
  decision: nullable(DECISION),
  confidence: nullable(confidence),
  reasons: list(text),
  recognition: nullable(
    record({
      clauses: list(record({ text, link: text })),
      rule: record({ name: text, because: text, alternatives: CHANCES }),
      general: nullable(record({ alternatives: CHANCES })),
      learned: record({ alternatives: CHANCES, features: list(record({ name: text, value: number, towards: number })) }),
      trust: record({ share: confidence, nearest: text }),
      digest: text,
      layer: nullable(integer),
    }),
  ),
  plan: nullable(
    record({
      by: text,
      suggestion: { type: 'boolean' },
      pattern,
      steps: list(record({ id: text, capability: text, dependsOn: list(text), goal: nullable(text) })),
      reasons: list(text),
    }),
  ),
  fallback: nullable(record({ reason: text, detail: text })),
  feedback: list(record({ pattern, by: text })),
});

export const TEMPLATE = record({
  name: text,
  pattern,
  steps: list(record({ id: text, capability: text, dependsOn: list(text) })),
  evidence: record({ succeeded: integer, failed: integer, requesters: integer, lastUsedAt: time, delegations: list(id) }),
  confidence,
});

export const LIST_ITEM = record({
  id,
  state,
  pattern: nullable(pattern),
  confidence: nullable(confidence),
  principal: text,
  createdAt: time,
  endedAt: nullable(time),
});

export const EVENT = record({
  position: { type: 'integer', minimum: 1 },
  id,
  type: text,
  version: integer,
  time,
  data: anyJson,
  actor: record({ kind: text, id: text }),
});

const REPUTATION = record({
  volume: { ...number, description: 'Attempts that ended, each counting less the longer ago' },
  successRate: nullable(confidence),
  lower: confidence,
  upper: { ...confidence, description: "With lower: Wilson's interval of the success rate, 95 %" },
  lateRate: nullable(confidence),
  latencyMs: nullable(integer),
  outcomes: record({ succeeded: number, failed: number, timedOut: number, lost: number, unanswered: number }),
  observations: { ...integer, description: 'Attempts ever' },
});

export const PROPOSAL = record({
  id,
  instance: text,
  capability: text,
  state: { type: 'string', enum: ['open', 'accepted', 'dismissed'] },
  proposedAt: time,
  evidence: record({
    figures: REPUTATION,
    from: time,
    to: time,
    halfLife: text,
    floor: confidence,
    minVolume: number,
    peers: nullable(record({ volume: number, successRate: confidence, lower: confidence })),
  }),
  decided: nullable(record({ by: text, reason: text, at: time })),
});

export const REPUTATION_OVERVIEW = record({
  settings: record({ halfLife: text, floor: confidence, minVolume: number, quiet: text }),
  proposals: list(PROPOSAL),
});

const CAPABILITY = record(
  {
    name: text,
    description: text,
    tags: list(text),
    concurrency: integer,
    effects: text,
    running: integer,
    reputation: nullable(REPUTATION),
    proposal: { ...id, description: 'Of an open proposal to quarantine the worker' },
  },
  ['proposal'],
);

export const AGENT = record({
  name: text,
  version: text,
  instance: text,
  state: { type: 'string', enum: ['online', 'lost'] },
  mode: { type: 'string', enum: ['active', 'draining', 'quarantined'] },
  capabilities: list(CAPABILITY),
  registeredAt: time,
  lastSeenAt: nullable(time),
});

const DEAD_LETTER_FIELDS = {
  id,
  kind: { type: 'string', enum: DEAD_LETTER_KINDS },
  source: text,
  reason: { ...text, description: 'The code with which it gave up' },
  detail: text,
  delegationId: nullable(id),
  capability: nullable(text),
  attempts: integer,
  fate: { type: 'string', enum: DEAD_LETTER_FATES },
  parkedAt: time,
  settledAt: nullable(time),
};

export const DEAD_LETTER_ITEM = record(DEAD_LETTER_FIELDS);

export const DEAD_LETTER = record({
  ...DEAD_LETTER_FIELDS,
  context: { type: 'object', additionalProperties: text },
  content: { description: 'The message, or the request that would ask for the delegation again; what is no JSON as {"base64"}' },
});

export const DEAD_LETTERS_SETTLED = record({
  dryRun: { type: 'boolean' },
  items: list(
    record({ id, reason: text, source: text, done: { type: 'boolean' }, problem: text, delegationId: id }, ['problem', 'delegationId']),
  ),
  nextCursor: nullable(text),
});

export const SCHEDULING = record({
  running: integer,
  weight: number,
  limits: list(record({ kind: text, name: text, max: integer, running: integer })),
  rates: list(record({ kind: text, name: text, burst: integer, perSecond: number })),
  paused: list(record({ kind: text, name: text, reason: text })),
  workers: list(record({ instance: text, mode: { type: 'string', enum: ['draining', 'quarantined'] } })),
  retryBudgets: list(record({ name: text, percent: number, perMinute: integer })),
  retriesHeld: list(record({ capability: text, at: time })),
  breakerRules: list(
    record({ kind: text, name: text, failurePercent: number, volume: integer, window: text, openFor: text, probes: integer }),
  ),
  breakers: list(
    record({
      kind: { type: 'string', enum: ['capability', 'worker'] },
      name: text,
      capability: text,
      state: { type: 'string', enum: ['open', 'half-open'] },
      since: time,
      triesAt: { ...nullable(time), description: 'When it will be half open; null: it is, or an operator opened it' },
      openings: integer,
      reason: text,
    }),
  ),
  substitutes: list(record({ capability: text, substitute: text })),
});

export const REBUILD = record({ projection: text, position: integer, ms: integer });
