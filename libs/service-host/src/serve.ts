import { listenGateway, type GatewayAddress } from './gateway.js';
import { startAll, type Service, type ServiceOptions } from './service.js';

export interface Served {
  url: string;
  /** The gateway first, then the services in reverse order. */
  close(): Promise<void>;
}

/** Migrates, starts and serves `services` in this process. */
export const serve = async (services: readonly Service[], options: ServiceOptions, address: GatewayAddress): Promise<Served> => {
  for (const service of services) await service.migrate?.(options);
  const running = await startAll(services, options);
  try {
    const gateway = await listenGateway(running.services, address);
    return {
      url: gateway.url,
      close: async () => {
        await gateway.close();
        await running.close();
      },
    };
  } catch (error) {
    await running.close();
    throw error;
  }
};
