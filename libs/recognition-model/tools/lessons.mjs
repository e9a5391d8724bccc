// Labelled requests from a tenant's own lessons: what somebody said was right, and graphs that requesters and planners used with success.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EventStore, Keyring } from '@mandate/event-store';

const RECOGNISER_STREAM = { type: 'recogniser', id: 'layer' };
const TAUGHT = 'dev.mandate.recogniser.taught.v1';
const PAGE = 200;

/** With what the services have: DATABASE_URL, and the key's file (default: the one in MANDATE_HOME). */
const open = () => {
  const { DATABASE_URL: databaseUrl, MANDATE_MASTER_KEY_FILE: file, MANDATE_HOME: home } = process.env;
  if (!databaseUrl || !(file || home)) throw new Error('--from-events needs DATABASE_URL, and MANDATE_MASTER_KEY_FILE or MANDATE_HOME');
  const keyring = new Keyring(readFileSync(file || join(home, 'master.key'), 'utf8').trim());
  return EventStore.open({ databaseUrl, keyring, where: { service: 'train-recogniser', instance: 'tool' } });
};

/** The last word on each delegation, in the order of the lessons; what merely worked is too little to train on. */
const lessonsUpTo = async (store, tenant, to) => {
  const last = new Map();
  for (let fromVersion = 1; ; fromVersion += PAGE) {
    const page = await store.readStream({ tenant, stream: RECOGNISER_STREAM, fromVersion, limit: PAGE });
    for (const { type, position, data } of page)
      if (type === TAUGHT && position <= to && data.by !== 'outcome') last.set(data.delegationId, data.pattern);
    if (page.length < PAGE) return last;
  }
};

export const readLessons = async (tenant, wanted) => {
  const store = await open();
  try {
    const to = wanted ?? (await store.head()).size;
    const requests = [];
    let erased = 0;
    for (const [id, label] of await lessonsUpTo(store, tenant, to)) {
      const [first] = await store.readStream({ tenant, stream: { type: 'delegation', id }, limit: 1, decrypt: true });
      const { goal, tools } = first?.personal ?? {};
      if (typeof goal !== 'string') erased++;
      else
        requests.push({
          source: 'tenant',
          label,
          accept: [label],
          input: { text: goal, ...(tools ? { tools: tools.map((tool) => tool.id) } : {}) },
        });
    }
    return { requests, erased, to };
  } finally {
    await store.close();
  }
};
