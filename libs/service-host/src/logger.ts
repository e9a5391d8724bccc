/** Structured logs: JSON lines by pino, with the trace id of the running code and without secrets. */
import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger } from 'pino';
import { currentTraceId } from './trace-context.js';

export type { Logger } from 'pino';

export interface LoggerOptions {
  service: string;
  instance: string;
  level?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  destination?: DestinationStream;
}

const SECRET = /^(authorization|token|natstoken|lease_?ids?|leases|api_?key|masterkey|password|databaseurl)$/i;
const CENSORED = '[redacted]';
const DEEPEST = 6;

/** A copy without the values of secret fields, at any depth. Errors stay themselves: pino serialises them. */
const censor = (value: unknown, depth = 0): unknown => {
  if (Array.isArray(value)) return depth > DEEPEST ? CENSORED : value.map((item) => censor(item, depth + 1));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  if (depth > DEEPEST) return CENSORED;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, SECRET.test(key) ? CENSORED : censor(item, depth + 1)]));
};

const censorFields = (fields: Record<string, unknown>): Record<string, unknown> => censor(fields) as Record<string, unknown>;

export const createLogger = ({ service, instance, level = 'info', destination }: LoggerOptions): Logger => {
  const options = {
    level,
    base: { service, instance },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    messageKey: 'message',
    formatters: { level: (label: string) => ({ level: label }), log: censorFields, bindings: censorFields },
    mixin: () => {
      const traceId = currentTraceId();
      return traceId === undefined ? {} : { traceId };
    },
  };
  return destination ? pino(options, destination) : pino(options);
};

/** Nest's own messages on our logger; what it says while starting is of interest only when something is wrong. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.logger.debug({ context: contextOf(rest) }, String(message));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.logger.warn({ context: contextOf(rest) }, String(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    if (message instanceof Error) this.logger.error({ err: message, context: contextOf(rest) }, message.message);
    else this.logger.error({ context: contextOf(rest), stack: rest.length > 1 ? rest[0] : undefined }, String(message));
  }
}

/** Nest passes the class's name last. */
const contextOf = (rest: readonly unknown[]): unknown => rest.at(-1);
