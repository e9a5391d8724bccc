// as libs/event-store/src/canary.spec.ts
// expect nothing
import { expect, it } from '@jest/globals';
import { testDatabase } from '@mandate/testing';
it('uses the test helpers', () => expect(testDatabase).toBeDefined());
