/**
 * What a browser must not be used for: a page of another site that sends requests here (its Origin tells), or a name of another site that was
 * pointed at this machine (DNS rebinding: the Host tells). Programs send no Origin and are let through.
 */
import type { IncomingMessage } from 'node:http';
import { AppError } from '@mandate/kernel';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;

const hostOf = (origin: string): string | null => (URL.canParse(origin) ? new URL(origin).host : null);

/** Null: may pass. `listensOn`: the address that the server was told to listen on. */
export const foreignPage = ({ headers }: IncomingMessage, listensOn: string): AppError | null => {
  const { host, origin } = headers;
  if (LOOPBACK.test(listensOn.includes(':') ? `[${listensOn}]` : listensOn) && host !== undefined && !LOOPBACK.test(host))
    return new AppError('FOREIGN_HOST', 'forbidden', 'this server listens on loopback only: ask for it by that name');
  if (origin !== undefined && hostOf(origin) !== host)
    return new AppError('FOREIGN_ORIGIN', 'forbidden', 'pages of other sites may not use this API from a browser');
  return null;
};
