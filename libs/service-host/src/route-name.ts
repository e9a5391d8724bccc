import type { IncomingMessage } from 'node:http';

/** Express' request, as far as it is asked here. */
export type Routed = IncomingMessage & { route?: { path?: unknown } };

/** Method and route, never the path as it was written. */
export const routeName = ({ method, route }: Routed): string | null => (typeof route?.path === 'string' ? `${method} ${route.path}` : null);
