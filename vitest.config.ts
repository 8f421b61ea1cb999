import { defineConfig } from 'vitest/config';

// Tests run from source: the `@unroll/source` condition makes one package's import of another resolve to its src/.
const conditions = ['@unroll/source'];

export default defineConfig({
  resolve: { conditions: [...conditions, 'module', 'node', 'development|production'] },
  ssr: {
    resolve: {
      conditions: [...conditions, 'module', 'node', 'development|production'],
      externalConditions: conditions,
    },
  },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'benchmarks/**/*.test.ts',
      'docs/**/*.test.ts',
      'examples/**/*.test.ts',
      'scripts/**/*.test.ts',
      'deploy/**/*.test.ts',
    ],
    exclude: process.env.UNROLL_LONG_TESTS ? [] : ['**/*.long.test.ts'],
    // As packages/param-server/src/no-telemetry.ts has it, also for tests that import no more than ONNX Runtime.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
