/** What `mandate up` reads from its environment (contract, section 2). */
import { relative, resolve } from 'node:path';
import { AppError } from '@mandate/kernel';

export interface Settings {
  home: string;
  apiPort: number;
  natsPort: number;
  postgresPort: number;
  /** Servers that run elsewhere; then none is started here. */
  natsUrl: string | undefined;
  databaseUrl: string | undefined;
  natsSync: 'always' | undefined;
  /** What our children inherit. */
  env: NodeJS.ProcessEnv;
}

const DEFAULT_PORTS = { MANDATE_PORT: 7400, MANDATE_NATS_PORT: 7422, MANDATE_PG_PORT: 7432 } as const;

const wrong = (name: string, value: string, rule: string): AppError =>
  new AppError('CONFIG_INVALID', 'invalid', `${name} is "${value}"; it must be ${rule}.`, { name });

const port = (env: NodeJS.ProcessEnv, name: keyof typeof DEFAULT_PORTS): number => {
  const value = env[name] || String(DEFAULT_PORTS[name]);
  const number = Number(value);
  if (!/^\d{1,5}$/.test(value) || number < 1 || number > 65_535) throw wrong(name, value, 'a port number from 1 to 65535');
  return number;
};

const sync = (value: string | undefined): 'always' | undefined => {
  if (value && value !== 'always') throw wrong('MANDATE_NATS_SYNC', value, 'unset or "always"');
  return value ? 'always' : undefined;
};

/** Throws AppError `CONFIG_INVALID`. */
export const readSettings = (env: NodeJS.ProcessEnv, cwd: string): Settings => {
  const ports = {
    apiPort: port(env, 'MANDATE_PORT'),
    natsPort: port(env, 'MANDATE_NATS_PORT'),
    postgresPort: port(env, 'MANDATE_PG_PORT'),
  };
  const used = [ports.apiPort, ...(env['NATS_URL'] ? [] : [ports.natsPort]), ...(env['DATABASE_URL'] ? [] : [ports.postgresPort])];
  if (new Set(used).size < used.length)
    throw new AppError('CONFIG_INVALID', 'invalid', 'MANDATE_PORT, MANDATE_NATS_PORT and MANDATE_PG_PORT must differ.');
  return {
    home: resolve(cwd, env['MANDATE_HOME'] || '.mandate'),
    ...ports,
    natsUrl: env['NATS_URL'] || undefined,
    databaseUrl: env['DATABASE_URL'] || undefined,
    natsSync: sync(env['MANDATE_NATS_SYNC']),
    env,
  };
};

/** A path as a person here would write it. */
export const shown = (path: string): string => {
  const near = relative(process.cwd(), path);
  return near && !near.startsWith('..') ? `./${near}` : path;
};
