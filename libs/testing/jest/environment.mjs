// Node's Jest environment that fails a test file which leaves a socket, server, timer, watcher, worker or child process behind.
import { createHook } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { TestEnvironment } from 'jest-environment-node';

/** How long a closing handle may take after the file's last hook; a leak costs its file this long. */
const GRACE_MS = 2_000;
/** Node's own frames come first, and ten would often hold nothing else. */
const FRAMES = 30;

const NAMES = {
  TCPWRAP: 'socket',
  TCPSERVERWRAP: 'server',
  PIPEWRAP: 'pipe',
  PIPESERVERWRAP: 'pipe server',
  UDPWRAP: 'udp socket',
  PROCESSWRAP: 'child process',
  Timeout: 'timer',
  WORKER: 'worker thread',
  FSEVENTWRAP: 'file watcher',
  STATWATCHER: 'file watcher',
  SIGNALWRAP: 'signal handler',
};

export default class LeakCheckingEnvironment extends TestEnvironment {
  #open = new Map();
  #hook = createHook({
    init: (id, type, _trigger, resource) => {
      if (type in NAMES) this.#open.set(id, { type, resource, stack: stackHere() });
    },
    destroy: (id) => this.#open.delete(id),
    trackPromises: false,
  });

  constructor(config, context) {
    super(config, context);
    this.graceMs = config.projectConfig.testEnvironmentOptions.leakGraceMs ?? GRACE_MS;
  }

  async setup() {
    await super.setup();
    this.#hook.enable();
  }

  /** Reported beside the file's own failures, which may well be why something was not closed. */
  async handleTestEvent(event, state) {
    if (event.name !== 'run_finish') return;
    const leaks = await this.#leaksAfterGrace();
    if (leaks.length === 0) return;
    const failure = new Error(`left open after its last hook:\n${leaks.map(describe).join('\n')}\nClose it in afterAll.`);
    failure.stack = failure.message;
    state.unhandledErrors.push(failure);
  }

  async teardown() {
    this.#hook.disable();
    this.#leaks().forEach(end);
    this.#open.clear();
    await super.teardown();
  }

  async #leaksAfterGrace() {
    const giveUpAt = performance.now() + this.graceMs;
    while (this.#leaks().length > 0 && performance.now() < giveUpAt) await delay(10);
    return this.#leaks();
  }

  #leaks() {
    return [...this.#open.values()].filter((handle) => isOpen(handle) && !isJests(handle.stack));
  }
}

/** What does not keep the process alive (an idle keep-alive socket, a timer after unref) is nobody's leak; a child always is. */
const isOpen = ({ type, resource }) => {
  if (type === 'Timeout' && resource._destroyed) return false;
  return type === 'PROCESSWRAP' ? resource.pid !== undefined : resource.hasRef?.() !== false;
};

/** So that Jest itself can go on and exit. */
const end = ({ type, resource }) => {
  if (type === 'Timeout') clearTimeout(resource);
  else if (type === 'PROCESSWRAP') resource.kill(9);
  else if (type === 'WORKER') resource.stopThread?.();
  else resource.close?.();
};

const stackHere = () => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = FRAMES;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  return stack;
};

const ownFrames = (stack) =>
  stack
    .split('\n')
    .map((line) => line.trim())
    .filter(
      (line) => line.startsWith('at ') && /\/.*:\d+:\d+\)?$/.test(line) && !/\(?node:/.test(line) && !line.includes(import.meta.filename),
    );

/** Jest's own timers and pipes, when it runs in this process. */
const isJests = (stack) => {
  const frames = ownFrames(stack);
  return frames.length > 0 && frames.every((line) => JEST.test(line));
};

const JEST = /node_modules\/(@jest\/|jest)/;

const describe = ({ type, resource, stack }) => {
  const detail = DETAILS[type]?.(resource);
  const frames = ownFrames(stack).filter((line) => !JEST.test(line));
  const origin = frames.slice(0, 3).map((line) => `    opened ${line}`);
  return [
    `- ${NAMES[type]}${detail ? ` (${detail})` : ''}`,
    ...(origin.length > 0 ? origin : ['    opened by Node: an incoming connection, or a callback without a caller']),
  ].join('\n');
};

const address = (resource, ask) => {
  const found = {};
  return resource[ask]?.(found) === 0 ? `${found.address}:${found.port}` : '';
};

const DETAILS = {
  TCPWRAP: (socket) => `to ${address(socket, 'getpeername')}`,
  TCPSERVERWRAP: (server) => `on ${address(server, 'getsockname')}`,
  PROCESSWRAP: ({ pid }) => `pid ${pid}`,
  Timeout: ({ _idleTimeout }) => `${_idleTimeout} ms`,
};
