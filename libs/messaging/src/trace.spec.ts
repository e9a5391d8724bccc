import { describe, expect, it } from '@jest/globals';
import { traceIdOf } from '@mandate/contracts';
import { continueTrace } from './trace.js';

const GIVEN = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('continueTrace', () => {
  it.each([GIVEN, GIVEN.replace(/01$/, '00')])('keeps a valid header: %s', (header) => expect(continueTrace(header)).toBe(header));

  it.each([
    undefined,
    '',
    'nonsense',
    GIVEN.toUpperCase(),
    GIVEN.replace('00-', '01-'),
    GIVEN.replace('00-', 'ff-'),
    `${GIVEN}-more`,
    `${GIVEN}\n`,
    GIVEN.replace(/-[0-9a-f]{16}-/, '-0000000000000000-'),
    GIVEN.replace(/-[0-9a-f]{32}-/, `-${'0'.repeat(32)}-`),
  ])('starts a new trace in place of %j', (header) => {
    const fresh = continueTrace(header);
    expect(fresh).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(continueTrace(header)).not.toBe(fresh);
  });
});

it('traceIdOf is the second part', () => expect(traceIdOf(GIVEN)).toBe('0af7651916cd43dd8448eb211c80319c'));
