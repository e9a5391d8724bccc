import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '@mandate/service-host';
import { HostConfig, recogniserOptions } from './config.js';

const REQUIRED = { DATABASE_URL: 'postgres://localhost/m', NATS_URL: 'nats://localhost', MANDATE_MASTER_KEY_FILE: 'master.key' };
const MODEL = { MANDATE_RECOGNISER_MODEL: 'own/recogniser.bin' };
const VKEY = { MANDATE_RECOGNISER_VKEY: 'MCowBQYDK2VwAyEAAceE0qot2Ye+zFa4GJ27ELiRQGcN4qdFBEjejQfLX+Y=' };

describe("a recogniser of one's own", () => {
  it('is not asked for', () => expect(recogniserOptions(loadConfig(HostConfig, REQUIRED))).toEqual({}));

  it('is a model and the key that it is checked with', () =>
    expect(recogniserOptions(loadConfig(HostConfig, { ...REQUIRED, ...MODEL, ...VKEY }))).toEqual({
      recogniser: { file: MODEL.MANDATE_RECOGNISER_MODEL, vkey: VKEY.MANDATE_RECOGNISER_VKEY },
    }));

  it.each([
    ['MANDATE_RECOGNISER_VKEY', MODEL],
    ['MANDATE_RECOGNISER_MODEL', VKEY],
    ['MANDATE_RECOGNISER_VKEY', { ...MODEL, MANDATE_RECOGNISER_VKEY: 'not base64!' }],
  ])('needs %s', (name, given) =>
    expect(() => loadConfig(HostConfig, { ...REQUIRED, ...given })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(`: ${name} `) as unknown }) as unknown as Error,
    ),
  );
});
