import { describe, expect, it } from '@jest/globals';
import { HealthRegistry } from './health.js';
import { createLogger } from './logger.js';
import { mergeMetrics, Registry } from './metrics.js';
import { startAll, type Service, type ServiceOptions } from './service.js';

const options: ServiceOptions = {
  databaseUrl: '',
  natsUrl: '',
  masterKey: '',
  instance: 'i',
  logger: createLogger({ service: 's', instance: 'i', level: 'silent' }),
};

const recorded = (log: string[], name: string, start: () => void = () => {}): Service => ({
  name,
  prefixes: [],
  start: async () => {
    start();
    log.push(`start ${name}`);
    return {
      name,
      prefixes: [],
      handler: () => {},
      health: new HealthRegistry(),
      metrics: new Registry(),
      openapi: () => Promise.reject(new Error('not asked for here')),
      close: async () => void log.push(`close ${name}`),
    };
  },
});

describe('startAll', () => {
  it('closes in the reverse order of the start', async () => {
    const log: string[] = [];
    const running = await startAll([recorded(log, 'a'), recorded(log, 'b')], options);
    await running.close();
    expect(log).toEqual(['start a', 'start b', 'close b', 'close a']);
  });

  it('closes what runs when a later service cannot start', async () => {
    const log: string[] = [];
    const broken = recorded(log, 'b', () => {
      throw new Error('no database');
    });
    await expect(startAll([recorded(log, 'a'), broken], options)).rejects.toThrow('no database');
    expect(log).toEqual(['start a', 'close a']);
  });
});

describe('health', () => {
  it('gives up on a check that does not answer', async () => {
    const health = new HealthRegistry(20);
    health.add('silent', () => new Promise(() => {}));
    expect(await health.report()).toMatchObject({ status: 'down', checks: [{ name: 'silent', detail: 'no answer within 20 ms' }] });
  });

  it('asks a dependency once for many probes', async () => {
    const health = new HealthRegistry();
    let asked = 0;
    health.add('counted', async () => void asked++);
    await Promise.all([health.report(), health.report()]);
    expect(asked).toBe(1);
  });
});

describe('merged metrics', () => {
  it('give a family of several services one header', () => {
    const text = (service: string): string => `# HELP n help\n# TYPE n counter\nn{service="${service}"} 1\n`;
    expect(mergeMetrics([text('a'), text('b')])).toBe('# HELP n help\n# TYPE n counter\nn{service="a"} 1\nn{service="b"} 1\n');
  });
});
