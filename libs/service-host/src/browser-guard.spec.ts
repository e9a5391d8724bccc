import type { IncomingMessage } from 'node:http';
import { expect, it } from '@jest/globals';
import { foreignPage } from './browser-guard.js';

it.each<[string, string, Record<string, string>, string | undefined]>([
  ['a program', '127.0.0.1', { host: '127.0.0.1:7400' }, undefined],
  ['a program of HTTP/1.0', '127.0.0.1', {}, undefined],
  ['a page of ours', '127.0.0.1', { host: 'localhost:7400', origin: 'http://localhost:7400' }, undefined],
  ['a page of ours over IPv6', '::1', { host: '[::1]:7400', origin: 'http://[::1]:7400' }, undefined],
  ['a page of another site', '127.0.0.1', { host: '127.0.0.1:7400', origin: 'https://evil.example' }, 'FOREIGN_ORIGIN'],
  ['a page in a sandbox', '127.0.0.1', { host: '127.0.0.1:7400', origin: 'null' }, 'FOREIGN_ORIGIN'],
  ['a page of another port', '127.0.0.1', { host: '127.0.0.1:7400', origin: 'http://127.0.0.1:9000' }, 'FOREIGN_ORIGIN'],
  ['a name that was pointed here', '127.0.0.1', { host: 'evil.example:7400', origin: 'http://evil.example:7400' }, 'FOREIGN_HOST'],
  ['a server on the network by its own name', '0.0.0.0', { host: 'mandate.internal' }, undefined],
])('lets %s through, or says why not', (_who, listensOn, headers, code) =>
  expect(foreignPage({ headers } as IncomingMessage, listensOn)?.code).toBe(code),
);
