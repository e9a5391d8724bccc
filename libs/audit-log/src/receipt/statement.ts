/** What a receipt says of a delegation: a pure fold of its records, so that whoever holds the records can derive it again. */
import type { JsonObject, JsonValue } from '@mandate/kernel';
import { fromBase64, toHex } from '../bytes.js';
import type { Sha256 } from '../merkle/tree-hasher.js';

/** An envelope of the log, as far as it is looked at here. */
export interface AuditRecord {
  id: string;
  tenant: string;
  stream: { type: string; id: string };
  version: number;
  type: string;
  schemaVersion: number;
  occurredAt: string;
  actor: JsonObject;
  outcome: string;
  data: JsonObject;
  /** Encrypted: a receipt gives its digest, which tells nothing to those who cannot read it. */
  personal?: { sealed: string };
}

export interface StepStatement extends JsonObject {
  id: string;
  capability: string;
  dependsOn: JsonValue[];
  irreversible: boolean;
  /** Of the last attempt. */
  worker: string | null;
  attempts: number;
  outcome: string | null;
  /** SHA-256 of the encrypted result, hex. */
  result: string | null;
  bytes: JsonValue;
  code: JsonValue;
  usage: JsonValue[];
}

/** All members are JSON: it is signed in its canonical form. */
export interface Statement extends JsonObject {
  receipt: 1;
  tenant: string;
  delegation: string;
  /** Who asked, for what: SHA-256 of the encrypted request, hex. */
  asked: JsonObject;
  /** What was recognised, with the confidence of each alternative, by which model; and why it fell back, if it did. */
  decided: JsonObject;
  /** By whom the steps were planned. */
  planned: JsonObject | null;
  /** Which rules held: the request's approval policy, the flow policy's version, the versions of the records. */
  policy: JsonObject;
  budget: JsonValue;
  approvals: JsonObject[];
  steps: StepStatement[];
  outcome: JsonObject | null;
  /** Of the delegation's stream: all of it, from 1. */
  records: number;
}

const NAME = /^dev\.mandate\.delegation\.([a-z]+)\.v\d+$/;
export const eventName = ({ type }: AuditRecord): string => NAME.exec(type)?.[1] ?? type;

/** How a delegation ends. */
export const FINAL: Readonly<Record<string, string>> = {
  completed: 'TASK_STATE_COMPLETED',
  failed: 'TASK_STATE_FAILED',
  canceled: 'TASK_STATE_CANCELED',
  rejected: 'TASK_STATE_REJECTED',
};

/** `records`: the delegation's stream from version 1. `policy`: the flow policy's last record before them, if there is one. */
export const statementOf = (sha256: Sha256, records: readonly AuditRecord[], policy: AuditRecord | null): Statement => {
  const named = (name: string): AuditRecord[] => records.filter((record) => eventName(record) === name);
  const first = records[0] as AuditRecord;
  const { approval = null, priority = null, budget = null } = first.data;
  return {
    receipt: 1,
    tenant: first.tenant,
    delegation: first.stream.id,
    asked: askedOf(sha256, first),
    decided: decidedOf(named('recognised').at(-1), named('fellback').at(-1)),
    planned: plannedOf(named('planned').at(-1)),
    policy: {
      approval,
      priority,
      flow: policy && { record: policy.id, version: policy.version },
      schemas: [...new Set(records.map(({ type, schemaVersion }) => `${type}@${schemaVersion}`))].sort(),
    },
    budget,
    approvals: records.filter((record) => APPROVALS.has(eventName(record))).map(approvalOf),
    steps: stepsOf(sha256, records, named('planned').at(-1)),
    outcome: outcomeOf(records),
    records: records.length,
  };
};

const digestOf = (sha256: Sha256, { personal }: AuditRecord): string | null => {
  const sealed = personal && fromBase64(personal.sealed);
  return sealed ? toHex(sha256(sealed)) : null;
};

const askedOf = (sha256: Sha256, record: AuditRecord): JsonObject => {
  const { principal = null, pattern = null, parent = null } = record.data;
  return { record: record.id, at: record.occurredAt, by: record.actor, principal, pattern, parent, digest: digestOf(sha256, record) };
};

const decidedOf = (recognised: AuditRecord | undefined, fellback: AuditRecord | undefined): JsonObject => {
  const { pattern = null, confidence = null, alternatives = [], model = null } = recognised?.data ?? {};
  const others = (Array.isArray(alternatives) ? alternatives : []) as JsonObject[];
  return {
    chosen: pattern,
    confidence,
    rejected: others.filter((alternative) => alternative['pattern'] !== pattern),
    model,
    fallback: fellback ? { reason: fellback.data['reason'] ?? null, capability: fellback.data['capability'] ?? null } : null,
  };
};

const plannedOf = (planned: AuditRecord | undefined): JsonObject | null =>
  planned ? { record: planned.id, at: planned.occurredAt, by: planned.data['by'] ?? null, pattern: planned.data['pattern'] ?? null } : null;

const APPROVALS = new Set(['approvalrequested', 'approved', 'denied', 'approvalexpired']);

const approvalOf = (record: AuditRecord): JsonObject => {
  const { scope = null, stepId = null, by = null, digest = null } = record.data;
  return { what: eventName(record), at: record.occurredAt, scope, stepId, by, digest };
};

const stepsOf = (sha256: Sha256, records: readonly AuditRecord[], planned: AuditRecord | undefined): StepStatement[] =>
  ((planned?.data['steps'] ?? []) as JsonObject[]).map((step) => {
    const own = records.filter(({ data }) => data['stepId'] === step['id']);
    const dispatched = own.filter((record) => eventName(record) === 'stepdispatched').at(-1);
    const ended = own.filter((record) => ENDS.has(eventName(record))).at(-1);
    return {
      id: String(step['id']),
      capability: String(step['capability']),
      dependsOn: (step['dependsOn'] ?? []) as JsonValue[],
      irreversible: step['irreversible'] === true,
      worker: dispatched ? String(dispatched.data['instance']) : null,
      attempts: Number(dispatched?.data['attempt'] ?? 0),
      outcome: ended ? eventName(ended) : null,
      result: ended && eventName(ended) === 'stepsucceeded' ? digestOf(sha256, ended) : null,
      bytes: ended?.data['bytes'] ?? null,
      code: ended?.data['code'] ?? null,
      usage: own.flatMap(({ data }) => (data['usage'] === undefined ? [] : [data['usage']])),
    };
  });

const ENDS = new Set(['stepsucceeded', 'stepfailed']);

const outcomeOf = (records: readonly AuditRecord[]): JsonObject | null => {
  const last = records.filter((record) => Object.hasOwn(FINAL, eventName(record))).at(-1);
  if (!last) return null;
  const { code = null, by = null } = last.data;
  return { record: last.id, state: FINAL[eventName(last)] as string, at: last.occurredAt, code, by };
};
