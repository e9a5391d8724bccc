import { createServer, type AddressInfo } from 'node:net';

/** A loopback port that nobody listens on now. Another program may take it before you do: start again with another then. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** Calls `start` with a free port, again with another one when a neighbour was faster. */
export const onFreePort = async <T>(start: (port: number) => Promise<T>, attempts = 5): Promise<T> => {
  try {
    return await start(await freePort());
  } catch (error) {
    if (attempts > 1 && (error as { code?: unknown }).code === 'PORT_IN_USE') return onFreePort(start, attempts - 1);
    throw error;
  }
};
