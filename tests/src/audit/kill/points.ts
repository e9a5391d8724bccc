/** Each step between a request and its answer, as it is seen from outside of the process: what it is told, what it says, and to whom. */

export interface DeathOrder {
  /**
   * `told`: the bytes have come in, and the program does not know them yet. `before-saying`, `said`: they go out. `answered`: they went out, and what came
   * back is not known to the program yet.
   */
  when: 'told' | 'before-saying' | 'said' | 'answered';
  text: string;
  /** Where the message begins that holds the text, when others go out in the same piece. */
  before?: string;
}

type Step = readonly [name: string, order: DeathOrder];

const REQUESTED = 'dev.mandate.delegation.requested.v1';
const REJECTED = 'dev.mandate.delegation.rejected.v1';
const REFUSED = 'dev.mandate.audit.refused.v1';
const READ = 'dev.mandate.audit.read.v1';

/** What is written to PostgreSQL is validated and decided by then, and has waited in the queue of the group commit. */
const appended = (what: string, type: string): Step[] => [
  [`${what}: decided, queued, about to be appended`, { when: 'before-saying', text: type }],
  [`${what}: the append is sent`, { when: 'said', text: type }],
  [`${what}: the append is committed`, { when: 'answered', text: type }],
];

export const STEPS: readonly Step[] = [
  ['a request: received', { when: 'told', text: 'mandate.v1.default.request.' }],
  ...appended('a request', REQUESTED),
  ['a request: about to be answered', { when: 'before-saying', text: 'PUB _INBOX.' }],
  ['a request: answered, not acked', { when: 'before-saying', text: '$JS.ACK.', before: 'PUB ' }],
  ['a request: acked', { when: 'said', text: '$JS.ACK.' }],
  ['a request: about to be published', { when: 'before-saying', text: 'mandate.v1.default.event.delegation.' }],
  ['a request: being published', { when: 'said', text: 'mandate.v1.default.event.delegation.' }],
  ['a request: published', { when: 'answered', text: 'mandate.v1.default.event.delegation.' }],
  ['a request over HTTP: about to be answered', { when: 'before-saying', text: 'HTTP/1.1 201' }],
  ['a request over HTTP: answered', { when: 'said', text: 'HTTP/1.1 201' }],
  ...appended('a bad request', REJECTED),
  ...appended('a refusal', REFUSED),
  ['a refusal over HTTP: about to be answered', { when: 'before-saying', text: 'HTTP/1.1 404' }],
  ['a refusal over HTTP: answered', { when: 'said', text: 'HTTP/1.1 404' }],
  ...appended('a read', READ),
  ['a read over HTTP: about to be answered', { when: 'before-saying', text: 'HTTP/1.1 200' }],
  ['a read over HTTP: answered', { when: 'said', text: 'HTTP/1.1 200' }],
];
