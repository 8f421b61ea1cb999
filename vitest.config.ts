import { defineConfig } from 'vitest/config';

// Tests run from source: the `@unroll/source` condition makes one package's import of another resolve to its src/.
const conditions = ['@unroll/source'];

const minute = 60_000;
const limit = (process.env.UNROLL_LONG_TESTS ? 60 : 10) * minute;

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
    // Limits end what hangs and measure nothing: whatever else a machine has to do must not make a test fail. They stand here only.
    testTimeout: limit,
    hookTimeout: limit,
    expect: { poll: { timeout: limit } },
    globalSetup: 'scripts/testing/run.ts',
    setupFiles: 'scripts/testing/file.ts',
    pool: 'forks',
    // More than the cores of the smallest machine: two at once used 1.5 of two cores, because tests with several processes wait.
    maxWorkers: 3,
  },
});
