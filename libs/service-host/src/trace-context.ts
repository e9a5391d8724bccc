/** Which trace the running code belongs to; the logger writes its id, outgoing messages carry it on. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { traceIdOf } from '@mandate/contracts';

const storage = new AsyncLocalStorage<string>();

export const runInTrace = <T>(traceparent: string, work: () => T): T => storage.run(traceparent, work);

export const currentTraceId = (): string | undefined => {
  const traceparent = storage.getStore();
  return traceparent === undefined ? undefined : traceIdOf(traceparent);
};
