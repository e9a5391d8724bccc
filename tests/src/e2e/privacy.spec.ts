/** Sections 3.2 and 3.3 of the contract, from outside: what lies on the event stream, and what never does. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import { newId, type Document } from './plain-requester.js';
import type { Event } from './plain-api.js';
import { completed, type PlainWorker } from './plain-worker.js';
import { startScene, type Scene } from './start-scene.js';

let scene: Scene;
let worker: PlainWorker;
let completedId: string;
let failedId: string;
let deniedId: string;
let stream: StoredMsg[];

/** Found again wherever it should not be. */
const secret = (what: string): string => `secret-${what}-${marker}`;
const marker = newId();

beforeAll(async () => {
  scene = await startScene();
  worker = await scene.worker({ capabilities: [{ name: 'hold', concurrency: 50 }], work: () => undefined });
  completedId = await completedDelegation();
  failedId = await failedDelegation();
  deniedId = await deniedDelegation();
  await scene.requester.event(completedId, 'completed');
  await scene.requester.event(failedId, 'failed');
  await scene.requester.event(deniedId, 'failed');
  stream = await everythingOn('MANDATE_EVENTS');
});
afterAll(() => scene.stop());

const everythingOn = async (name: string): Promise<StoredMsg[]> => {
  const { streams } = await jetstreamManager(scene.requester.connection);
  const { state } = await streams.info(name);
  const messages = await Promise.all(Array.from({ length: state.last_seq }, (_, i) => streams.getMessage(name, { seq: i + 1 })));
  return messages.filter((message) => message !== null);
};

const ask = async (fields: Document): Promise<string> => {
  const { id, answer } = await scene.requester.ask({ goal: secret('goal'), dataSubject: secret('subject'), ...fields });
  expect((await answer()).contentType).toBe('');
  return id;
};
const offerOf = (id: string, stepId = 'a', attempt = 1): ReturnType<PlainWorker['offer']> =>
  worker.offer((offer) => offer.delegationId === id && offer.stepId === stepId && offer.attempt === attempt);

const completedDelegation = async (): Promise<string> => {
  const steps = [
    { id: 'a', capability: 'hold', goal: secret('step-goal'), input: secret('step-input') },
    { id: 'b', capability: 'hold', dependsOn: ['a'], irreversible: true },
  ];
  const id = await ask({
    input: { text: secret('input') },
    metadata: { note: secret('metadata') },
    tools: [{ id: secret('tool') }],
    steps,
  });
  const first = await offerOf(id);
  await worker.report(first, { status: 'progress', progress: secret('progress') });
  const question = { id: 'q', text: secret('question'), schema: { description: secret('schema') } };
  await worker.report(first, { status: 'input_required', question });
  await scene.api.inState(id, 'INPUT_REQUIRED');
  await scene.api.post(`/api/delegations/${id}/answer`, { questionId: 'q', answer: secret('answer') });
  await worker.report(await offerOf(id, 'a', 2), completed(secret('output')));
  await scene.requester.event(id, 'approvalrequested');
  await scene.api.post(`/api/delegations/${id}/approve`, { reason: secret('approval') });
  await worker.report(await offerOf(id, 'b'), completed({ large: secret('large').padEnd(70_000, '.') }));
  await scene.api.inState(id, 'COMPLETED');
  return id;
};

const failedDelegation = async (): Promise<string> => {
  const id = await ask({ steps: [{ id: 'a', capability: 'hold', maxAttempts: 2 }] });
  const error = { code: 'BROKEN', message: secret('error') };
  await worker.report(await offerOf(id), { status: 'failed', error });
  await worker.report(await offerOf(id, 'a', 2), { status: 'failed', error });
  await scene.api.inState(id, 'FAILED');
  return id;
};

const deniedDelegation = async (): Promise<string> => {
  const id = await ask({ steps: [{ id: 'a', capability: 'hold' }], approval: 'plan' });
  await scene.api.inState(id, 'INPUT_REQUIRED');
  await scene.api.post(`/api/delegations/${id}/deny`, { reason: secret('denial') });
  await scene.api.inState(id, 'FAILED');
  return id;
};

const readable = (row: Record<string, unknown>): string =>
  Object.values(row)
    .map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : JSON.stringify(value)))
    .join('\n');

const textOf = ({ subject, header, data }: StoredMsg): string =>
  `${subject}\n${[...header].map(([name, values]) => `${name}: ${values.join()}`).join('\n')}\n${Buffer.from(data).toString()}`;

describe('an event on the bus', () => {
  it('is a CloudEvent in binary mode', () => {
    expect(stream.length).toBeGreaterThan(20);
    for (const { subject, header } of stream) {
      const [, , , , aggregate, id] = subject.split('.');
      const headers = Object.fromEntries([...header].map(([name, values]) => [name, values[0]]));
      expect(headers).toMatchObject({
        'Content-Type': 'application/json',
        'ce-specversion': '1.0',
        'ce-id': expect.stringMatching(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/),
        'ce-type': expect.stringMatching(new RegExp(`^dev\\.mandate\\.${aggregate}\\.[a-z]+\\.v1$`)),
        'ce-source': expect.stringMatching(/^\S+$/),
        'ce-subject': expect.stringContaining(id ?? ''),
        'ce-time': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        'ce-dataschema': `urn:mandate:schema:${headers['ce-type']}`,
        'ce-sequence': expect.stringMatching(/^[1-9]\d*$/),
        'ce-correlationid': expect.stringMatching(/^\S+$/),
        'ce-tenantid': 'default',
        traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/),
      });
      if (aggregate === 'delegation') expect(headers['ce-causationid']).toMatch(/\S/);
    }
  });

  it('comes in the order of the store, each once', () => {
    const positions = stream.map(({ header }) => Number(header.get('ce-sequence')));
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(new Set(stream.map(({ header }) => header.get('ce-id'))).size).toBe(stream.length);
  });

  it('is what the API says, position by position', async () => {
    const events = await scene.api.events(completedId);
    const onBus = stream.filter(({ subject }) => subject.endsWith(`.delegation.${completedId}`));
    expect(
      onBus.map(({ header, data }) => [Number(header.get('ce-sequence')), header.get('ce-id'), JSON.parse(Buffer.from(data).toString())]),
    ).toEqual(events.map(({ position, id, data }) => [position, id, data]));
  });

  it('has a JSON Schema of its type that ships with the project', () => {
    for (const { header, data } of stream) {
      const type = header.get('ce-type');
      const file = new URL(`../../../docs/schemas/events/${type}.json`, import.meta.url);
      const schema = JSON.parse(readFileSync(file, 'utf8')) as { $id: string; required?: string[] };
      expect(schema.$id).toBe(header.get('ce-dataschema'));
      expect(Object.keys(JSON.parse(Buffer.from(data).toString()) as Document)).toEqual(expect.arrayContaining(schema.required ?? []));
    }
  });
});

describe('personal data', () => {
  it('never lies on the event stream', () => {
    expect(stream.map(textOf).filter((text) => text.includes(marker))).toEqual([]);
  });

  it('is found by who follows the references, and is all there', async () => {
    const found: string[] = [];
    for (const id of [completedId, failedId, deniedId])
      for (const { id: eventId, data } of await scene.api.events(id))
        for (const [field, value] of Object.entries(data)) {
          if (typeof value !== 'object' || value === null || !('$ref' in value)) continue;
          const reference = value.$ref as string;
          expect(reference).toBe(`/api/delegations/${id}/events/${eventId}#${field}`);
          const event = await scene.api.get<Event>(reference.split('#')[0] ?? '');
          found.push(JSON.stringify(event.body.data[field]));
        }
    const all = found.join('\n');
    const kinds = ['goal', 'step-goal', 'step-input', 'input', 'metadata', 'tool', 'progress', 'question', 'schema', 'answer', 'output'];
    for (const kind of [...kinds, 'approval', 'large', 'error', 'denial']) expect(all).toContain(secret(kind));
  });

  it('does not lie in the database as text either', async () => {
    const { rows } = await scene.query('SELECT * FROM es.event');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.map(readable).filter((text) => text.includes(marker))).toEqual([]);
  });
});

describe('what cannot be read', () => {
  it.each(['{"goal": MARKER', '{"goal": "MARKER"', '{"goal": "MARKER", "steps": [{"id": "a"}}'])(
    'is parked without its text in the open: %s',
    async (text) => {
      const { id, answer } = await scene.requester.publish(
        `mandate.v1.default.request.${newId()}.tester`,
        text.replace('MARKER', secret('broken')),
      );
      expect((await answer()).body['code']).toBe('INVALID_JSON');
      const { rows } = await scene.query('SELECT * FROM es.dead_letter WHERE source LIKE $1', [`%${id}%`]);
      expect(rows).toHaveLength(1);
      expect(readable(rows[0] ?? {})).not.toContain('secret');
      const event = await scene.requester.event(id, 'rejected');
      expect(event.text + JSON.stringify(event.headers)).not.toContain('secret');
    },
  );
});

describe('lease ids', () => {
  it('appear in no event and in no answer of the API', async () => {
    const leases = worker.offers.map(({ leaseId }) => leaseId);
    expect(leases.length).toBeGreaterThanOrEqual(5);
    const texts = stream.map(textOf);
    for (const id of [completedId, failedId, deniedId]) {
      const events = await scene.api.events(id);
      const paths = [
        `/api/delegations/${id}`,
        `/api/delegations/${id}/events`,
        ...events.map((event) => `/api/delegations/${id}/events/${event.id}`),
      ];
      for (const path of paths) texts.push((await scene.api.get(path)).text);
    }
    for (const path of ['/api/delegations', '/api/agents', '/metrics', '/health/ready']) texts.push((await scene.api.get(path)).text);
    const telling = texts.filter((text) => /leaseId/.test(text) || leases.some((lease) => text.includes(lease)));
    expect(telling).toEqual([]);
  });
});
