import { randomBytes } from 'node:crypto';
import { AppError } from '@mandate/kernel';
import { createLogger, loadConfig, serve, type Served } from '@mandate/service-host';
import { HostConfig, logOptions, recogniserOptions } from './config.js';
import { runHost } from './host.js';
import { readMasterKey } from './master-key.js';
import { chooseServices } from './services.js';

const WRONG_USE = 2;

const configured = (): Readonly<HostConfig> => {
  try {
    return loadConfig(HostConfig, process.env);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    process.stderr.write(`mandate: ${error.message}\n`);
    return process.exit(WRONG_USE);
  }
};

const config = configured();
const instance = config.instance ?? `host-${randomBytes(6).toString('hex')}`;
const logger = createLogger({ service: 'mandate', instance, level: config.logLevel });

const start = async (): Promise<Served> => {
  const { databaseUrl, ownerUrl, natsUrl, token, stateFolder, host, port } = config;
  const masterKey = await readMasterKey(config.masterKeyFile);
  const services = await chooseServices(config.services);
  const options = {
    databaseUrl,
    natsUrl,
    masterKey,
    stateFolder,
    ...(config.archiveFolder ? { archiveFolder: config.archiveFolder } : {}),
    log: logOptions(config),
    instance,
    logger,
    ...(ownerUrl ? { ownerUrl } : {}),
    ...(token ? { natsToken: token } : {}),
    ...(config.capacity ? { capacity: config.capacity } : {}),
    ...recogniserOptions(config),
  };
  return serve(services, options, { host, port });
};

await runHost(start, process, logger);
