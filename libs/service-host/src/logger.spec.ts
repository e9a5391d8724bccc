import { describe, expect, it } from '@jest/globals';
import { createLogger } from './logger.js';
import { runInTrace } from './trace-context.js';

const logged = (write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown> => {
  const lines: string[] = [];
  write(createLogger({ service: 's', instance: 'i', destination: { write: (line) => void lines.push(line) } }));
  return JSON.parse(lines[0] as string) as Record<string, unknown>;
};

describe('the logger', () => {
  it('never writes secrets, however deep they lie', () => {
    const line = logged((log) =>
      log.info(
        { leaseId: 's3cret', request: { headers: { Authorization: 's3cret' }, items: [{ token: 's3cret', apiKey: 's3cret', id: 7 }] } },
        'seen',
      ),
    );
    expect(JSON.stringify(line)).not.toContain('s3cret');
    expect(line).toMatchObject({ service: 's', instance: 'i', level: 'info', message: 'seen', request: { items: [{ id: 7 }] } });
  });

  it('writes the trace of the running code', () => {
    const line = logged((log) => runInTrace(`00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`, () => log.info('seen')));
    expect(line['traceId']).toBe('ab'.repeat(16));
  });
});
