import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Witness, WitnessAnswer } from './witness.js';

export interface ServedWitness {
  url: string;
  close(): Promise<void>;
}

/** A checkpoint with all its signatures, and a proof, are far smaller. */
const MAX_BYTES = 128 * 1024;

/** `POST /add-checkpoint`, and nothing else. */
export const serveWitness = async (
  witness: Witness,
  address: { host: string; port: number },
  onError: (error: unknown) => void,
): Promise<ServedWitness> => {
  const server = createServer((request, response) => {
    void answer(witness, request)
      .catch((error: unknown): WitnessAnswer => {
        onError(error);
        return { status: 500, contentType: 'text/plain', body: 'it could not be decided\n' };
      })
      .then(({ status, contentType, body }) => send(response, status, contentType, body));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(address.port, address.host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const answer = async (witness: Witness, request: IncomingMessage): Promise<WitnessAnswer> => {
  const plain = (status: number, body: string): WitnessAnswer => ({ status, contentType: 'text/plain', body });
  if (request.url !== '/add-checkpoint') return plain(404, 'POST /add-checkpoint\n');
  if (request.method !== 'POST') return plain(405, 'POST it\n');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) return plain(413, 'too large\n');
    chunks.push(chunk);
  }
  return witness.add(Buffer.concat(chunks));
};

const send = (response: ServerResponse, status: number, contentType: string, body: string): void => {
  response.writeHead(status, { 'content-type': contentType, ...(status === 413 ? { connection: 'close' } : {}) });
  response.end(body);
};
