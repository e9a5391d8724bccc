/** Feedback and outcomes teach a tenant's recogniser, from the log alone; every decision can be explained by the model that made it. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startWorld, until, type World } from '@mandate/testing';
import { PlainApi, type Event } from './plain-api.js';
import { PlainRequester, type Document } from './plain-requester.js';
import { completed, PlainWorker, type Offer } from './plain-worker.js';
import { startEngine, type StartedEngine } from './start-engine.js';

const masterKey = randomBytes(32).toString('hex');
const GOAL = 'Find the cheapest flight to Rome and book it';

let world: World;
let engine: StartedEngine;
let requester: PlainRequester;
let worker: PlainWorker;
let api: PlainApi;

beforeAll(async () => {
  world = await startWorld();
  engine = await startEngine(world, { masterKey });
  api = new PlainApi(engine.url);
  requester = await PlainRequester.connect(world.nats.url);
  const capabilities = [
    { name: 'find-flight', description: 'Finds the cheapest flight' },
    { name: 'book-flight', description: 'Books a flight' },
  ];
  // What is asked in words runs on, so that nothing is learnt from how it ends.
  const work = ({ stepId, goal }: Offer): Document | undefined => (stepId.startsWith('s') ? undefined : completed(goal));
  worker = await PlainWorker.start(requester.connection, {
    capabilities: capabilities.map((each) => ({ ...each, concurrency: 500 })),
    work,
  });
}, 60_000);
afterAll(async () => {
  worker.stop();
  await requester.close();
  await engine.stop();
  await world.stop();
});

const recognisedOf = async (id: string): Promise<Document> => (await requester.event(id, 'recognised')).data as unknown as Document;
const askInWords = async (goal = GOAL): Promise<{ id: string; data: Document }> => {
  const { id } = await requester.ask({ goal });
  return { id, data: await recognisedOf(id) };
};
const chanceOf = ({ alternatives }: Document, pattern: string): number =>
  (alternatives as { pattern: string; confidence: number }[]).find((chance) => chance.pattern === pattern)?.confidence ?? NaN;
/** The next recognition that rests on so many lessons. */
const recognisedWith = (lessons: number): Promise<{ id: string; data: Document }> =>
  until(
    async () => {
      const asked = await askInWords();
      return (asked.data['layer'] ?? 0) === lessons ? asked : undefined;
    },
    { what: `a recognition with ${lessons} lessons`, timeoutMs: 20_000 },
  );
const types = async (id: string): Promise<string[]> => (await api.events(id)).map(({ type }: Event) => type.split('.')[3] ?? '');

it('learns from feedback over HTTP and NATS, and answers the same after a restart that replays the lessons', async () => {
  const before = await askInWords();
  expect(before.data).toMatchObject({ digest: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown });
  expect(before.data).not.toHaveProperty('layer');

  const commandId = '01KB0000000000000000000009';
  for (let i = 0; i < 2; i++)
    expect(
      (await api.post(`/api/delegations/${before.id}/feedback`, { commandId, pattern: 'sequential', reason: 'found, then booked' })).status,
    ).toBe(200);
  expect((await types(before.id)).filter((type) => type === 'feedbackgiven')).toHaveLength(1);
  expect((await requester.event(before.id, 'feedbackgiven')).data).toMatchObject({
    pattern: 'sequential',
    reason: { $ref: expect.any(String) as unknown },
  });
  const taught = await recognisedWith(1);
  expect(chanceOf(taught.data, 'sequential')).toBeGreaterThan(chanceOf(before.data, 'sequential'));
  expect(taught.data['digest']).not.toBe(before.data['digest']);

  const answer = await (await requester.command(taught.id, { type: 'feedback', pattern: 'sequential' })).answer();
  expect(answer.body).toMatchObject({ id: taught.id });
  const last = await recognisedWith(2);
  const { data } = last;

  await engine.stop();
  engine = await startEngine(world, { masterKey });
  api = new PlainApi(engine.url);
  const replayed = await askInWords();
  expect(replayed.data).toMatchObject({
    digest: data['digest'],
    layer: 2,
    confidence: data['confidence'],
    alternatives: data['alternatives'],
  });
}, 60_000);

it('explains a decision by the model that made it, however much was learnt since', async () => {
  const { id, data } = await askInWords();
  const { body } = await api.get(`/api/delegations/${id}/explanation`);
  expect(body).toMatchObject({
    id,
    confidence: data['confidence'],
    decision: { alternatives: data['alternatives'] },
    recognition: { digest: data['digest'], layer: 2, rule: { because: expect.any(String) as unknown } },
  });
  expect((body['recognition'] as { clauses: { text: string }[] }).clauses.map(({ text }) => text).join(' ')).toContain('cheapest flight');
  await api.post(`/api/delegations/${id}/feedback`, { pattern: 'sequential' });
  await recognisedWith(3);
  const again = await api.get(`/api/delegations/${id}/explanation`);
  expect(again.body).toEqual({ ...body, feedback: [{ pattern: 'sequential', by: expect.any(String) as unknown }] });
  expect((await api.get('/api/delegations/01ARZ3NDEKTSV4RRFFQ69G5FAV/explanation')).status).toBe(404);
});

it('learns from a graph that a requester used', async () => {
  const steps = [
    { id: 'a', capability: 'find-flight' },
    { id: 'b', capability: 'book-flight', dependsOn: ['a'] },
  ];
  const { id } = await requester.ask({ goal: 'Find a hotel in Rome and reserve it', steps });
  await api.inState(id, 'COMPLETED');
  const { data } = await recognisedWith(4);
  expect(data['layer']).toBe(4);
});

it('learns the words for capabilities, and proposes the graph that served again and again', async () => {
  const steps = [
    { id: 'look', capability: 'find-flight', goal: 'Look up trains' },
    { id: 'buy', capability: 'book-flight', goal: 'Reserve a seat', dependsOn: ['look'] },
  ];
  const plan = { pattern: 'sequential', goal: 'Look up a train to Oslo and then reserve a seat' };
  const untaught = await requester.ask(plan);
  expect((await requester.event(untaught.id, 'fellback')).data).toMatchObject({ reason: 'UNPLANNABLE' });
  const template = async (): Promise<Document | undefined> =>
    (await api.get<{ items: Document[] }>('/api/delegations/templates')).body.items[0];
  for (let i = 0; i < 2; i++) await api.inState((await requester.ask({ goal: 'Trains', steps })).id, 'COMPLETED');
  // With the one of the test before these are three.
  const found = await until(template, { what: 'a template' });
  expect(found).toMatchObject({
    name: 'find-flight-to-book-flight',
    pattern: 'sequential',
    steps: [
      { id: 's1', capability: 'find-flight' },
      { id: 's2', capability: 'book-flight', dependsOn: ['s1'] },
    ],
    evidence: { succeeded: 3, failed: 0, requesters: 1 },
  });
  await recognisedWith(6);
  const taught = await requester.ask(plan);
  expect((await requester.event(taught.id, 'planned')).data).toMatchObject({
    by: 'rules',
    steps: [{ capability: 'find-flight' }, { capability: 'book-flight' }],
  });
  const { body } = await api.get(`/api/delegations/${taught.id}/explanation`);
  expect(body['plan']).toMatchObject({
    suggestion: true,
    reasons: expect.arrayContaining([expect.stringContaining('used for it before')]) as unknown,
  });
});

it('does not read everything as the pattern that requesters give most', async () => {
  const goal = 'Look up the tide tables, then write a summary of them';
  const before = await askInWords(goal);
  const lessons = (before.data['layer'] as number | undefined) ?? 0;
  const given = await Promise.all(
    ['spell', 'hold', 'Look up a train', 'x', 'run', 'say something'].map((text) =>
      requester.ask({ goal: text, steps: [{ id: 'a', capability: 'find-flight' }] }),
    ),
  );
  for (const { id } of given) await api.inState(id, 'COMPLETED');
  await recognisedWith(lessons + given.length);
  const { data } = await askInWords(goal);
  expect(data['pattern']).toBe('sequential');
  expect(chanceOf(data, 'sequential')).toBeGreaterThan(chanceOf(before.data, 'sequential') - 0.1);
});

it.each([
  [{}, 'INVALID_FIELD'],
  [{ pattern: 'circular' }, 'INVALID_FIELD'],
])('refuses feedback that says nothing: %j', async (body, code) => {
  const { id } = await askInWords();
  expect((await api.post(`/api/delegations/${id}/feedback`, body)).body).toMatchObject({ status: 400, code });
  expect((await (await requester.command(id, { type: 'feedback', ...body })).answer()).body).toMatchObject({ code });
});
