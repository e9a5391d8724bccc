/** Lists a worker among the services of NATS (ADR-32: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-32.md), as `nats micro ls` shows them. */
import type { Registration } from '@mandate/contracts';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { encodeJson } from '../wire.js';

export const MICRO_NAME = 'mandate-worker';
const SEMVER = /^\d+\.\d+\.\d+([-+].*)?$/;

export interface MicroListing {
  registration: Registration;
  workSubject: string;
  startedAt: string;
  /** Attempts taken since the start. */
  accepted(): number;
}

const identity = ({ registration }: MicroListing): Record<string, unknown> => ({
  name: MICRO_NAME,
  id: registration.instance,
  version: SEMVER.test(registration.version) ? registration.version : '0.0.0',
  metadata: { worker: registration.name, release: registration.version },
});

const endpoint = (listing: MicroListing): Record<string, unknown> => ({ name: 'work', subject: listing.workSubject, queue_group: '' });

const ANSWERS: Record<string, (listing: MicroListing) => Record<string, unknown>> = {
  PING: (listing) => ({ ...identity(listing), type: 'io.nats.micro.v1.ping_response' }),
  INFO: (listing) => ({
    ...identity(listing),
    type: 'io.nats.micro.v1.info_response',
    description: listing.registration.capabilities.map(({ name }) => name).join(', '),
    endpoints: [
      { ...endpoint(listing), metadata: Object.fromEntries(listing.registration.capabilities.map((c) => [c.name, c.description])) },
    ],
  }),
  STATS: (listing) => ({
    ...identity(listing),
    type: 'io.nats.micro.v1.stats_response',
    started: listing.startedAt,
    endpoints: [
      {
        ...endpoint(listing),
        num_requests: listing.accepted(),
        num_errors: 0,
        last_error: '',
        processing_time: 0,
        average_processing_time: 0,
      },
    ],
  }),
};

/** Returns the subscriptions that answer discovery. */
export const listAsMicro = (connection: NatsConnection, listing: MicroListing): Subscription[] =>
  Object.entries(ANSWERS).flatMap(([verb, answer]) =>
    ['', `.${MICRO_NAME}`, `.${MICRO_NAME}.${listing.registration.instance}`].map((suffix) =>
      connection.subscribe(`$SRV.${verb}${suffix}`, {
        callback: (error, message) => void (error ?? message.respond(encodeJson(answer(listing)))),
      }),
    ),
  );
