/** The seeded stream of malformed and hostile messages: the same seed and target give the same kinds in the same order. */
import type { Seeded } from '@mandate/testing';
import { brokenJson } from './broken-json.js';
import { PREFIX, requestSubject, seededId, type HostileMessage, type Target } from './hostile-message.js';
import { hostileCommand, hostileHeartbeat, hostileRegistration, hostileResult, hostileSubject, strayCommand } from './hostile-others.js';
import { hostileRequest } from './hostile-requests.js';

const brokenBody = (random: Seeded, { capability, maxPayload, victims }: Target): HostileMessage => {
  const steps = [{ id: 'a', capability }];
  const { kind, body } = brokenJson(random, { goal: 'fuzz', steps, polluted: 1 }, maxPayload);
  const subject = random.next() < 0.8 ? requestSubject(random) : `${PREFIX}.command.${random.pick(victims).id}.fuzz`;
  return { kind, via: 'stream', subject, body, fate: 'refused' };
};

/** A wrong message that wants its answer where no answer may go. */
const badReplyTo = (random: Seeded, { canary }: Target): HostileMessage => ({
  kind: 'a bad reply subject',
  via: 'stream',
  subject: requestSubject(random),
  body: JSON.stringify({ goal: 'fuzz', steps: [{ id: 'a', capability: `none-${seededId(random).toLowerCase()}` }] }),
  replyTo: random.pick([
    canary,
    `${canary}.deep`,
    '_INBOX',
    '_INBOX.>',
    '_INBOX.*',
    '_INBOX.a b',
    '_inbox.a',
    ' ',
    `_INBOX.${'x'.repeat(300)}`,
    `${PREFIX}.register`,
  ]),
  fate: 'refused',
});

const MAKERS: readonly [weight: number, make: (random: Seeded, target: Target) => HostileMessage][] = [
  [24, hostileRequest],
  [22, brokenBody],
  [16, hostileResult],
  [9, hostileCommand],
  [3, strayCommand],
  [9, hostileSubject],
  [9, hostileRegistration],
  [3, hostileHeartbeat],
  [5, badReplyTo],
];
const TOTAL = MAKERS.reduce((sum, [weight]) => sum + weight, 0);

export const hostileMessage = (random: Seeded, target: Target): HostileMessage => {
  let at = random.next() * TOTAL;
  const [, make] = MAKERS.find(([weight]) => (at -= weight) < 0) ?? (MAKERS[0] as (typeof MAKERS)[number]);
  const message = make(random, target);
  // A fifth names no reply subject: what is refused must then be parked.
  const silent = message.via === 'stream' && message.replyTo === undefined && message.fate === 'refused' && random.next() < 0.2;
  return silent ? { ...message, replyTo: null } : message;
};
