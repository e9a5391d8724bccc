// The same three steps through Restate's HTTP ingress: server and service are processes of their own, loopback only, stopped by pid.
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort, startProgram } from '../lib/servers.mjs';

const require = createRequire(import.meta.url);
const BINARY = require.resolve(`@restatedev/restate-server-linux-${process.arch}/bin/restate-server`);

const caller = () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1000 });
  const call = (port, path, document) =>
    new Promise((resolve, reject) => {
      const body = Buffer.from(JSON.stringify(document));
      const headers = { 'content-type': 'application/json', 'content-length': body.length };
      const request = http.request({ host: '127.0.0.1', port, method: 'POST', path, agent, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (data) => (text += data));
        response.on('end', () =>
          response.statusCode < 300 ? resolve(text) : reject(new Error(`${response.statusCode} ${text.slice(0, 150)}`)),
        );
      });
      request.on('error', reject);
      request.end(body);
    });
  return { call, close: () => agent.destroy() };
};

const untilAnswered = async (ask) => {
  for (let tries = 0; ; tries++)
    try {
      return await ask();
    } catch (error) {
      if (tries > 80) throw error;
      await delay(250);
    }
};

/** Resolves to the system under load: `delegate(shape)` is one operation. */
export const startRestate = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'restate-bench-'));
  const [ingress, admin, node] = [await freePort(), await freePort(), await freePort()];
  const log = openSync(join(dir, 'server.log'), 'a');
  const server = spawn(BINARY, ['--base-dir', dir, '--no-logo'], {
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      RESTATE_LISTEN_MODE: 'tcp',
      RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
      RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${node}`,
      RESTATE_NODE_NAME: 'bench',
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_DISABLE_TELEMETRY: 'true',
      RESTATE_LOG_FILTER: 'warn',
    },
  });
  const service = await startProgram(fileURLToPath(new URL('restate-service.mjs', import.meta.url)));
  const { call, close } = caller();
  let n = 0;
  const stop = async () => {
    close();
    service.child.kill('SIGTERM');
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    await Promise.race([ended, delay(15_000).then(() => server.kill('SIGKILL'))]);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await untilAnswered(() => call(admin, '/deployments', { uri: `http://127.0.0.1:${service.message.port}`, force: true }));
    await untilAnswered(() => call(ingress, '/Workflow/sequential', 1));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pids: { service: service.pid, restate: server.pid, load: process.pid },
    delegate: (shape) => call(ingress, `/Workflow/${shape}`, n++),
    stop,
  };
};
