/** What the fuzz test sends, and what it may be met with. */
import { ulid } from '@mandate/kernel';
import type { Seeded } from '@mandate/testing';

/** `refused`: a problem or a dead letter. `any`: odd but allowed, so an answer of either kind; what is accepted must come to its end. */
export type Fate = 'refused' | 'any';

export interface HostileMessage {
  /** What is wrong with it, for the report. */
  kind: string;
  /** `stream`: published to JetStream. `register`: a plain request. `heartbeat`: plain and never answered. */
  via: 'stream' | 'register' | 'heartbeat';
  subject: string;
  body: string | Uint8Array;
  headers?: Record<string, string>;
  /** Default: a proper inbox of the sender's. A string is sent in its place, null means none: then it must be parked. */
  replyTo?: string | null;
  fate: Fate;
}

/** A good delegation that is at work all the while: what it is attacked with may use its real ids and lease. */
export interface Victim {
  id: string;
  stepId: string;
  attempt: number;
  leaseId: string;
}

export interface Target {
  victims: readonly Victim[];
  /** A registered worker that answers everything it is offered. */
  capability: string;
  instance: string;
  /** Nobody may ever publish here. */
  canary: string;
  /** Largest message that the server takes. */
  maxPayload: number;
}

export const PREFIX = 'mandate.v1.default';

/** A fresh id of the seed's, at a time of today. */
export const seededId = (random: Seeded): string => ulid(Date.now(), random.bytes(10));

export const requestSubject = (random: Seeded): string => `${PREFIX}.request.${seededId(random)}.fuzz`;

/** How it is spelt in JSON, where JSON.stringify would not spell it so: `raw` is the text of a value. */
export const withField = (document: object, name: string, raw: string): string => {
  const text = JSON.stringify(document);
  return `${text.slice(0, -1)}${text.length > 2 ? ',' : ''}${JSON.stringify(name)}:${raw}}`;
};

/** A JSON string of exactly so many bytes, quotes included. */
export const textOfBytes = (bytes: number): string => `"${'x'.repeat(Math.max(0, bytes - 2))}"`;

export const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
