import { expect, it } from '@jest/globals';
import { Keyring } from './index.js';
import { MASTER_KEY } from './testing/entries.js';

it('makes keys that keep no more memory than their own bytes: thousands of them are cached', () => {
  const keyring = new Keyring(MASTER_KEY);
  const made = keyring.newDataKey();
  const unwrapped = keyring.unwrap(made.wrapped);
  for (const { wrapped } of [made, unwrapped]) expect(wrapped.buffer.byteLength).toBe(wrapped.length);
  expect(unwrapped.wrapped.equals(made.wrapped)).toBe(true);
});
