// Runs the same bundles in every runtime that the documents name. Each computes the same as this Node does from the
// sources, and can do what the table in docs/edge-runtime.md says; and every Node trains. To write that table:
//   UNROLL_LONG_TESTS=1 UNROLL_WRITE_MATRIX=1 npx vitest run scripts/runtimes/runtimes.long
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadLanguageModel } from '@unroll/edge-runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { folderOf, serverOf } from '../../packages/edge-runtime/src/testing/sample-bundle.js';
import { type Files, kernelBundles, onnxRuntimeBundle, personalBundle } from './bundles.js';
import { findRuntimes, nodePrograms, type Runtime } from './hosts.js';
import { installRuntimes, root } from './installation.js';
import { type Row, readMatrix, writeMatrix } from './matrix.js';
import { type Answers, ask, type Outcome, type Report } from './project/probe.js';
import { buildProject, type Project } from './project.js';

await installRuntimes().catch((error: Error) => console.warn(`runtimes cannot be installed: ${error.message}`));
const runtimes = await findRuntimes();
const isWriting = process.env.UNROLL_WRITE_MATRIX === '1';

/** The log-probabilities may differ by the rounding of each engine's own exp and log. */
const tolerance = 1e-9;

const rows: Row[] = [];
const expected = new Map<string, Answers>();
let kernels: Map<string, Files>;
let served: Files;
let project: Project;

beforeAll(async () => {
  kernels = await kernelBundles();
  const bundles = new Map(kernels).set('onnx-runtime', await onnxRuntimeBundle());
  for (const [name, files] of bundles) {
    await using folder = await folderOf(files);
    expected.set(name, await ask(folder.path, (address) => loadLanguageModel(address)));
  }
  bundles.set('personal', await personalBundle());
  const paths = [...bundles].flatMap(([name, files]) => [...files].map(([file, bytes]) => [`${name}/${file}`, bytes]));
  served = new Map(paths as [string, Uint8Array<ArrayBuffer>][]);
  project = await buildProject();
});
afterAll(async () => {
  await project?.[Symbol.asyncDispose]();
  if (isWriting) await writeMatrix(rows);
});

describe.each(runtimes)('$name', (runtime) => {
  const { name, version } = runtime;
  test.skipIf(!version)(version ? `computes the same (${version})` : 'is not here', async () => {
    const { report, downloads } = await reportOf(runtime);
    for (const [bundle, outcome] of Object.entries(report.bundles)) expectSame(bundle, outcome);
    for (const outcome of report.folders) expectSame('word-int8', outcome);
    if ('value' in report.onnxRuntime) expectSame('onnx-runtime', report.onnxRuntime);
    else
      expect(report.onnxRuntime.error).toMatch(
        /^wasm-unavailable: ONNX Runtime .*; this runtime does not run ONNX Runtime/,
      );
    const row = rowOf(runtime, report, downloads);
    rows.push(row);
    if (isWriting) return;
    const documented = (await readMatrix()).find(({ runtime }) => runtime === name);
    expect({ ...row, version: '' }, explain(report)).toEqual({ ...documented, version: '' });
  });
});

describe('training', () => {
  const nodes = [...nodePrograms()];
  const unroll = (node: string, ...args: string[]) =>
    promisify(execFile)(node, [join(root, 'packages/trainer/bin/unroll.js'), ...args]);

  /** The parameters after three steps of two workers and a server, as the bytes of their file. */
  const parametersOf = async (node: string) => {
    await using folder = await folderOf(new Map());
    const recipe = ['--data', 'grammar', '--preset', 'tiny', '--workers', '2', '--max-steps', '3'];
    await unroll(node, 'train', ...recipe, '--out', join(folder.path, 'run'));
    return readFile(join(folder.path, 'run/model.safetensors'));
  };

  test.skipIf(nodes.length === 0)('gives the same parameters in every Node, bit for bit', async () => {
    const here = await parametersOf(process.execPath);
    for (const [major, node] of nodes) {
      expect((await parametersOf(node)).equals(here), `Node ${major}`).toBe(true);
    }
  });

  test.each(nodes)('finds what it needs in Node %i', async (major, node) => {
    const { stdout } = await unroll(node, 'doctor');
    expect(stdout).toMatch(new RegExp(`^ok +Node.js: v${major}\\.`, 'm'));
    expect(stdout).toMatch(/^ok +onnxruntime-node: /m);
  });
});

/** The runtime's results, and the number of its downloads of the model that it loaded twice. */
async function reportOf({ run, hasFiles }: Runtime): Promise<{ report: Report; downloads: number }> {
  await using server = await serverOf(served);
  await using folder = await folderOf(kernels.get('word-int8')!);
  const addressOf = (name: string) => `${server.url}${name}/`;
  const report = await run(project, {
    bundles: Object.fromEntries([...kernels.keys()].map((name) => [name, addressOf(name)])),
    onnxRuntime: addressOf('onnx-runtime'),
    personal: addressOf('personal'),
    folders: hasFiles ? [folder.path] : [],
  });
  return { report, downloads: server.requested.filter((path) => path === 'char-int8/model.onnx').length };
}

function expectSame(bundle: string, outcome: Outcome<Answers>): void {
  if ('error' in outcome) throw new Error(`${bundle}: ${outcome.error}`);
  const { scores, ...exact } = outcome.value;
  const { scores: expectedScores, ...expectedExact } = expected.get(bundle)!;
  expect(exact, bundle).toEqual(expectedExact);
  expect(scores.map(({ logProbabilities: _, ...rest }) => rest)).toEqual(
    expectedScores.map(({ logProbabilities: _, ...rest }) => rest),
  );
  for (const [i, { logProbabilities }] of scores.entries()) {
    const differences = logProbabilities.map((value, j) => Math.abs(value - expectedScores[i]!.logProbabilities[j]!));
    expect(Math.max(...differences), `${bundle}, text ${i}`).toBeLessThan(tolerance);
  }
}

function rowOf({ name, version, hasFiles }: Runtime, report: Report, downloads: number): Row {
  const { personalized, onnxRuntime } = report;
  const works = 'value' in personalized && personalized.value.changed && personalized.value.undone;
  const kept = [downloads === 1 && 'bundles', works && personalized.value.restored && 'personalization'];
  return {
    runtime: name,
    version: version!,
    'loads from': hasFiles ? 'URLs, folders' : 'URLs',
    tokens: 'the same',
    'ONNX Runtime': 'value' in onnxRuntime ? 'yes' : 'no',
    personalizing: works ? 'yes' : 'no',
    keeps: kept.filter(Boolean).join(', ') || 'nothing',
  };
}

/** Why a result differs from the document. */
function explain({ onnxRuntime, personalized }: Report): string {
  const reasons = [onnxRuntime, personalized].flatMap((outcome) => ('error' in outcome ? [outcome.error] : []));
  return `docs/edge-runtime.md is out of date, or the runtime fails: ${reasons.join('; ')}`;
}
