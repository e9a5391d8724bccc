/** What a service is to its host: the same whether it runs alone or beside others in one process. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, type Clock } from '@mandate/kernel';
import type { Registry } from 'prom-client';
import type { HealthRegistry } from './health.js';
import type { Logger } from './logger.js';
import type { OpenApiDocument } from './openapi.js';
import type { RecordRefusal } from './refusals.js';

export interface LogOptions {
  /** The log's name for good, chosen when its key is made: the address it is served at, without scheme. Default: `mandate/` and the log's own name. */
  origin?: string;
  witnesses?: readonly { vkey: string; url: string }[];
}

export interface ServiceOptions {
  databaseUrl: string;
  /**
   * The database's owner: migrates, and makes the login of `databaseUrl` a member of the services' role. Without it services work under the
   * rights of `databaseUrl`, which then has to be the owner's.
   */
  ownerUrl?: string;
  natsUrl: string;
  natsToken?: string;
  /** 32 bytes in hex; wraps the keys of personal data. */
  masterKey: string;
  /**
   * A folder outside the database for what a database restored to an earlier state must not undo: erasures, what was signed last.
   * A service makes what it needs there. Keep it on a disk of its own, and back it up apart from the database.
   */
  stateFolder?: string;
  /** Where events go that retention drops; default: `archive` in the state folder. */
  archiveFolder?: string;
  /** Under which name the log's head is signed, and who cosigns it. */
  log?: LogOptions;
  /** Steps at workers at once, of all tenants; default: no limit but the workers' own. */
  capacity?: number;
  /** A recogniser's model in the place of the shipped one, and the public key it is checked with (base64 of its SubjectPublicKeyInfo). */
  recogniser?: { file: string; vkey: string };
  /** Names this process among its like, `[A-Za-z0-9_-]{1,64}`. */
  instance: string;
  logger: Logger;
  clock?: Clock;
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface RunningService {
  readonly name: string;
  /** Paths that it answers, with all below them, such as `/api/delegations`. */
  readonly prefixes: readonly string[];
  readonly handler: RequestHandler;
  readonly health: HealthRegistry;
  readonly metrics: Registry;
  /** Where the gateway, too, puts on record whom it refuses. */
  readonly recordRefusal?: RecordRefusal;
  openapi(): Promise<OpenApiDocument>;
  /** Finishes what is in hand, then lets go of its connections. */
  close(): Promise<void>;
}

export interface Service {
  readonly name: string;
  readonly prefixes: readonly string[];
  /** Brings the service's tables up to date. Needs the rights of the database's owner; safe to run from several processes at once. */
  migrate?(options: ServiceOptions): Promise<void>;
  start(options: ServiceOptions): Promise<RunningService>;
}

export interface RunningServices {
  readonly services: readonly RunningService[];
  /** In the reverse order of the start; one that does not end in time is logged and left behind. */
  close(): Promise<void>;
}

export const CLOSE_TIMEOUT_MS = 10_000;

/** Starts one after the other; when one fails, those before it are closed and its error is thrown. */
export const startAll = async (services: readonly Service[], options: ServiceOptions): Promise<RunningServices> => {
  const running: RunningService[] = [];
  const close = async (): Promise<void> => {
    for (let service = running.pop(); service; service = running.pop()) await closeWithin(service, options.logger);
  };
  try {
    for (const service of services) running.push(await service.start(options));
  } catch (error) {
    await close();
    throw error;
  }
  return { services: [...running], close };
};

const closeWithin = async (service: RunningService, logger: Logger): Promise<void> => {
  try {
    await within(service.close(), CLOSE_TIMEOUT_MS, `${service.name} did not close`);
  } catch (error) {
    logger.error({ err: error, service: service.name }, 'service not closed cleanly');
  }
};

/** Rejects with AppError `TIMED_OUT` when `work` takes longer than `timeoutMs`; the work itself is not stopped. */
export const within = async <T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new AppError('TIMED_OUT', 'unavailable', `${what} within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};
