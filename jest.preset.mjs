// One Jest configuration for every project: ESM, SWC, sources (not dist) through the `@mandate/source` export condition.
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));

export default {
  testEnvironment: `${root}libs/testing/jest/environment.mjs`,
  testMatch: ['<rootDir>/src/**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironmentOptions: { customExportConditions: ['@mandate/source', 'node', 'node-addons'] },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  globalSetup: `${root}libs/testing/jest/global-setup.mjs`,
  globalTeardown: `${root}libs/testing/jest/global-teardown.mjs`,
  setupFilesAfterEnv: [`${root}libs/testing/jest/reflect.mjs`],
  testTimeout: 30_000,
};
