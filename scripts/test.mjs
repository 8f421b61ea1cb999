// Runs all checks that a change must pass: `npm test`. It installs what is missing, then lints, type-checks and tests,
// and continues after a failure so that one run reports everything. Its last line is `N passed, N failed, N skipped`.
//   node scripts/test.mjs [--long]     --long: also the tests that take minutes (*.long.test.ts)
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installDependencies } from './install.mjs';
import { installed, run, stage } from './stages.mjs';
import { swiftShaderEnvironment } from './swiftshader.mjs';

const long = process.argv.includes('--long');
const failures = [];

/** Runs a stage and records whether it failed. */
async function check(title, work) {
  if (!(await stage(title, work))) failures.push(title);
}

/**
 * The tests by outcome. A file that could not be loaded counts as one failed test, and so does a run without report.
 */
async function counts(reportFile) {
  if (!existsSync(reportFile)) return { passed: 0, failed: 1, skipped: 0 };
  const report = JSON.parse(await readFile(reportFile, 'utf8'));
  const unloadable = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloadable.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

await installDependencies();
await check('Lint and format (biome ci)', () => run(installed('biome'), ['ci', '.']));
await check('Build and type-check the packages (nx run-many -t build)', () =>
  run(installed('nx'), ['run-many', '-t', 'build']),
);
await check('Type-check examples, scripts and documentation tests (tsc)', async () => {
  const projects = ['examples/browser', 'examples/react', 'scripts'];
  const results = await Promise.all(projects.map((project) => run(installed('tsc'), ['-p', project])));
  return results.every(Boolean);
});

const chromium = await stage('Find or install Chromium', async () => {
  const { ensureChromium } = await import('./chromium.mjs');
  return ensureChromium();
});
const swiftShader = swiftShaderEnvironment(chromium);
if (swiftShader.VK_ICD_FILENAMES) console.log(`WebGPU engines are tested on ${swiftShader.VK_ICD_FILENAMES}`);

const folder = await mkdtemp(join(tmpdir(), 'unroll-test-'));
const reportFile = join(folder, 'report.json');
await check('Test (vitest run)', () =>
  run(installed('vitest'), ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`], {
    env: {
      ...(chromium ? { CHROMIUM_PATH: chromium } : {}),
      ...swiftShader,
      ...(long ? { UNROLL_LONG_TESTS: '1' } : {}),
    },
  }),
);
const { passed, failed, skipped } = await counts(reportFile);
await rm(folder, { recursive: true });

console.log(failures.length > 0 ? `\nFailed: ${failures.join('; ')}` : '\nEvery stage passed.');
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failures.length > 0 ? 1 : 0;
