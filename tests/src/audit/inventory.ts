/**
 * What each way into the system, and each thing that it does by itself, leaves on record. Where the effect is an event, that event is the record;
 * what only reads or only repeats what the log says leaves none. Whatever is refused leaves `audit.refused`, or `delegation.rejected`.
 */

/** Names of events without `dev.mandate.` and `.v1`; or why there are none. */
export type Record = readonly string[] | 'reads' | 'follows from the log' | 'moves messages' | 'no effect outside of memory';

const STEERED = ['delegation.canceled', 'delegation.approved', 'delegation.denied', 'delegation.answered'];
const FEEDBACK = ['delegation.feedbackgiven'];
const POLICY = [
  'policy.limitset',
  'policy.limitremoved',
  'policy.rateset',
  'policy.rateremoved',
  'policy.weightset',
  'policy.paused',
  'policy.resumed',
  'policy.workermoded',
];
const RETIRED = ['retention.retired', 'retention.ran'];
const REQUESTED = ['delegation.requested', 'delegation.rejected'];
const ATTEMPTED = [
  'delegation.stepdispatched',
  'delegation.stepstarted',
  'delegation.stepretried',
  'delegation.steptimedout',
  'delegation.stepfailed',
];

export const ROUTES: Readonly<globalThis.Record<string, Record>> = {
  'POST /api/delegations': REQUESTED,
  'GET /api/delegations': 'reads',
  'GET /api/delegations/:id': 'reads',
  'GET /api/delegations/:id/events': 'reads',
  'GET /api/delegations/:id/events/:eventId': 'reads',
  'GET /api/delegations/:id/explanation': 'reads',
  'GET /api/delegations/:id/steps/:stepId/output': 'reads',
  'POST /api/delegations/:id/cancel': STEERED,
  'POST /api/delegations/:id/approve': STEERED,
  'POST /api/delegations/:id/deny': STEERED,
  'POST /api/delegations/:id/answer': STEERED,
  'POST /api/delegations/:id/feedback': FEEDBACK,
  'GET /api/delegations/dead-letters': 'reads',
  'GET /api/delegations/dead-letters/:id': 'reads',
  'POST /api/delegations/dead-letters/redrive': ['deadletter.redriven'],
  'POST /api/delegations/dead-letters/discard': ['deadletter.discarded'],
  'GET /api/agents': 'reads',
  'GET /api/scheduling': 'reads',
  'POST /api/scheduling': POLICY,
  'GET /api/audit/events': 'reads',
  'GET /api/audit/export': ['audit.exported'],
  'GET /api/audit/learning': ['audit.exported'],
  'GET /api/audit/erasures': 'reads',
  'POST /api/audit/erasures': ['erasure.requested', 'erasure.completed'],
  'POST /api/audit/erasures/preview': 'reads',
  'GET /api/audit/retention': 'reads',
  'POST /api/audit/retention': ['retention.changed'],
  'POST /api/audit/retention/run': RETIRED,
  'POST /api/audit/retention/holds': ['retention.holdplaced'],
  'POST /api/audit/retention/holds/:id/lift': ['retention.holdlifted'],
  'GET /api/audit/log/checkpoint': 'reads',
  'GET /api/audit/log/consistency': 'reads',
  'GET /api/audit/log/proofs/:event': 'reads',
  'GET /api/audit/log/tile/*path': 'reads',
  'GET /api/audit/log/vkey': 'reads',
  'GET /api/audit/receipts/:delegationId': 'reads',
};

/** Nest's message patterns, and the consumers and subscriptions of each source file. */
export const MESSAGES: Readonly<globalThis.Record<string, Record>> = {
  'pattern REGISTER': ['agent.registered'],
  'pattern COMMAND': [...STEERED, ...FEEDBACK],
  'libs/messaging/src/partition-consumer.ts: consume': [
    ...REQUESTED,
    'delegation.stepsucceeded',
    'delegation.stepfailed',
    'delegation.inputrequired',
  ],
  'libs/messaging/src/jetstream-server.ts: subscribe': 'moves messages',
  'libs/messaging/src/replies.ts: subscribe': 'moves messages',
  'apps/delegation-engine/src/engine/engine.ts: subscribe': 'no effect outside of memory',
  'apps/delegation-engine/src/engine/news.ts: subscribe': 'reads',
  'apps/delegation-engine/src/engine/scheduler-link.ts: subscribe': 'no effect outside of memory',
  'apps/delegation-engine/src/engine/children.ts: subscribe': ['delegation.childadmitted'],
  'apps/delegation-engine/src/engine/presence.ts: subscribe': ['agent.lost', 'agent.returned'],
  'apps/delegation-engine/src/engine/policies.ts: subscribe': 'reads',
  'apps/delegation-engine/src/engine/layers.ts: subscribe': 'reads',
};

/** Ticks and duties by name, timers by source file, and what follows the log. */
export const SCHEDULES: Readonly<globalThis.Record<string, Record>> = {
  partitions: 'no effect outside of memory',
  scheduler: ATTEMPTED,
  takeover: 'reads',
  timers: [...ATTEMPTED, 'delegation.failed'],
  reload: 'reads',
  presence: ['agent.lost', 'agent.returned'],
  leases: ATTEMPTED,
  starts: ['delegation.stepstarted'],
  counter: ['audit.counted'],
  reconciliation: ['audit.mismatched'],
  'apps/audit/src/service.ts: setInterval': ['audit.counted'],
  'search-index': 'follows from the log',
  'subject-index': 'follows from the log',
  retention: RETIRED,
  'dead-letters': 'follows from the log',
  'apps/audit/src/transparency/transparency.ts: setInterval': 'follows from the log',
  'delegation-list': 'follows from the log',
  'cancel-tree': STEERED,
  teaching: ['recogniser.taught'],
  'libs/messaging/src/replies.ts: setInterval': 'no effect outside of memory',
  'apps/audit/src/keeper.ts: setInterval': 'no effect outside of memory',
  'apps/delegation-engine/src/engine/ticks.ts: setInterval': 'no effect outside of memory',
  'apps/delegation-engine/src/http/event-feed.ts: setInterval': 'reads',
};

/** Commands do what they do through the API; those without a route work on this machine only. */
export const COMMANDS: Readonly<globalThis.Record<string, string>> = {
  up: 'on this machine: starts the servers',
  delegate: 'POST /api/delegations',
  status: 'GET /api/delegations/:id',
  watch: 'GET /api/delegations/:id/events',
  list: 'GET /api/delegations',
  cancel: 'POST /api/delegations/:id/cancel',
  approve: 'POST /api/delegations/:id/approve',
  deny: 'POST /api/delegations/:id/deny',
  answer: 'POST /api/delegations/:id/answer',
  feedback: 'POST /api/delegations/:id/feedback',
  explain: 'GET /api/delegations/:id/explanation',
  agents: 'GET /api/agents',
  scheduling: 'GET /api/scheduling',
  limit: 'POST /api/scheduling',
  rate: 'POST /api/scheduling',
  pause: 'POST /api/scheduling',
  resume: 'POST /api/scheduling',
  drain: 'POST /api/scheduling',
  quarantine: 'POST /api/scheduling',
  activate: 'POST /api/scheduling',
  'dead-letters list': 'GET /api/delegations/dead-letters',
  'dead-letters show': 'GET /api/delegations/dead-letters/:id',
  'dead-letters redrive': 'POST /api/delegations/dead-letters/redrive',
  'dead-letters discard': 'POST /api/delegations/dead-letters/discard',
  recognise: 'on this machine: reads and answers lines',
  'audit events': 'GET /api/audit/events',
  'audit export': 'GET /api/audit/export',
  'audit learning-data': 'GET /api/audit/learning',
  'audit erase': 'POST /api/audit/erasures',
  'audit erasures': 'GET /api/audit/erasures',
  'audit retention': 'POST /api/audit/retention',
  'audit hold': 'POST /api/audit/retention/holds',
  'audit release': 'POST /api/audit/retention/holds/:id/lift',
  'audit cleanup': 'POST /api/audit/retention/run',
  'audit checkpoint': 'GET /api/audit/log/checkpoint',
  'audit vkey': 'GET /api/audit/log/vkey',
  'audit prove': 'GET /api/audit/log/proofs/:event',
  'audit receipt': 'GET /api/audit/receipts/:delegationId',
  'audit mirror': 'GET /api/audit/log/tile/*path',
  'audit witness': 'on this machine: cosigns what it is sent',
  'audit verify': 'on this machine: reads files',
};
