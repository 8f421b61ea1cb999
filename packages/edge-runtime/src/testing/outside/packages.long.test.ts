// The packed packages in a project outside the repository: as modules, by require, by their types, built, and by their
// size. UNROLL_BUNDLERS=all also builds with webpack and esbuild (CONTRIBUTING.md).
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executablePath, type Files, launchChromium, openTab } from '../browser.js';
import { serverOf } from '../sample-bundle.js';
import { allBundlers, online, outsideProject, type Project, packageNames, packed, type Tarballs } from './project.js';

const names = packageNames.map((name) => `@unroll/${name}`);
const tfjs = { '@tensorflow/tfjs': '4.22.0' };
const compilers = { '5.9': '5.9.3', current: '7.0.2' };
const resolutions = ['node16', 'nodenext', 'bundler'];
const typedPage = `
import { BundleError, loadLanguageModel, type LanguageModel } from '@unroll/edge-runtime';
import { webgpu } from '@unroll/edge-runtime/webgpu';
import kernels from '@unroll/edge-runtime/kernels.wasm';
import { languageModelConfig } from '@unroll/core/config';
import { seededRandom } from '@unroll/core/decoding';
import { decodeOnnx, type OnnxGraph } from '@unroll/core/onnx';
import { trainTokenizer } from '@unroll/core/text';
import { connectParameterServers, type ModelDescription } from '@unroll/param-server';
import { isLoopback } from '@unroll/param-server/config';

export async function write(): Promise<string[]> {
  const model: LanguageModel = await loadLanguageModel('./model/', { device: webgpu });
  const words: string[] = await model.suggest('the do', { count: 3 });
  await model[Symbol.asyncDispose]();
  return words;
}
export const graph = (bytes: Uint8Array): OnnxGraph => decodeOnnx(bytes);
export const optimizer = ({ optimizer }: ModelDescription): string => optimizer.name;
export const others = [BundleError, kernels, languageModelConfig, seededRandom, trainTokenizer, connectParameterServers, isLoopback];
`;
/**
 * Errors outside our packages' control: TensorFlow.js's types under `strict`, and those of WebGPU beside TypeScript's
 * own.
 */
const tensorFlow = "import * as tf from '@tensorflow/tfjs-layers';\nexport const all = tf;\n";
const typedTraining = `
import * as tf from '@tensorflow/tfjs-layers';
import { LSTM, trainingProgram } from '@unroll/core';
import { compile, type Engine } from '@unroll/trainer';

export const model = tf.sequential({ layers: [new LSTM({ units: 4, inputShape: [3, 2] })] });
export const others: [typeof trainingProgram, typeof compile, Engine?] = [trainingProgram, compile];
`;

describe.skipIf(!online)('outside the repository', () => {
  let tarballs: Tarballs;
  let outside: Project;
  beforeAll(async () => {
    tarballs = await packed();
    const typescript = Object.entries(compilers).map(([name, version]) => [
      `typescript-${name}`,
      `npm:typescript@${version}`,
    ]);
    outside = await outsideProject(
      tarballs,
      packageNames,
      { publint: '0.3.25', ...Object.fromEntries(typescript) },
      {
        'imported.mjs': `const all = await Promise.all(${JSON.stringify(names)}.map((name) => import(name)));
console.log(all.every((module) => Object.keys(module).length > 0));`,
        'required.cjs': `console.log(${JSON.stringify(names)}.every((name) => Object.keys(require(name)).length > 0));`,
        'page.ts': typedPage,
        'tensorflow.ts': tensorFlow,
        'training.ts': typedTraining,
      },
    );
  });
  afterAll(async () => {
    await outside[Symbol.asyncDispose]();
    await tarballs[Symbol.asyncDispose]();
  });

  test('all packages are imported, required, and run the command', async () => {
    expect((await outside.run('node', 'imported.mjs')).trim()).toBe('true');
    expect(await outside.run('node', '--no-warnings', 'required.cjs')).toMatch(/^true$/m);
    await outside.run('unroll', 'train', '--data', 'grammar', '--out', 'run', '--max-steps', '2');
    await outside.run('unroll', 'export', '--checkpoint', 'run', '--out', 'bundle');
    expect(await outside.run('unroll', 'generate', '--bundle', 'bundle', '--prompt', 'the dogs')).toMatch(/\w/);
  });

  describe.each(Object.keys(compilers))('to TypeScript %s', (compiler) => {
    /** The errors in `file` and in all types that it imports, one on each line, sorted. */
    async function errors(file: string, resolution: string, ...more: readonly string[]) {
      const module = resolution === 'bundler' ? 'esnext' : resolution;
      const options = `--module ${module} --moduleResolution ${resolution} --lib es2022,dom --target es2022 --strict --noEmit`;
      const tsc = `node_modules/typescript-${compiler}/bin/tsc`;
      const said = await outside.run('node', tsc, ...options.split(' '), ...more, file).catch(String);
      return said
        .split('\n')
        .filter((line) => line.includes('error'))
        .sort();
    }

    test.each(resolutions)('types without TensorFlow.js are right by %s', async (resolution) => {
      expect(await errors('page.ts', resolution, '--skipLibCheck', 'false')).toEqual([]);
    });

    test("types with TensorFlow.js's have no errors but its own", async () => {
      expect(await errors('training.ts', 'nodenext', '--skipLibCheck', 'true')).toEqual([]);
      const [ours, theirs] = [
        await errors('training.ts', 'nodenext', '--skipLibCheck', 'false'),
        await errors('tensorflow.ts', 'nodenext', '--skipLibCheck', 'false'),
      ];
      // Types that come with ours may mend TensorFlow.js's.
      expect(ours.filter((line) => !theirs.includes(line))).toEqual([]);
    });
  });

  test('publint has nothing to say', async () => {
    for (const name of packageNames) {
      expect(await outside.run('publint', tarballs.pathOf(name), '--strict')).toContain('All good!');
    }
  });

  test('the edge runtime takes less than 20 MB', async () => {
    await using small = await outsideProject(tarballs, ['core', 'edge-runtime'], {});
    expect(await small.megabytes()).toBeLessThan(20);
  });

  test.skipIf(!executablePath)('a production build that only imports core loads a saved model', async () => {
    const main = `import * as tf from '@tensorflow/tfjs';
import '@unroll/core';
const layer = (name, config) => ({ class_name: name, config: { name, ...config } });
const layers = [layer('UnrollLSTM', { batch_input_shape: [null, 5, 3], units: 4 }), layer('UnrollLinear', { units: 2 })];
const modelTopology = { class_name: 'Sequential', config: { name: 's', layers } };
globalThis.loaded = tf.loadLayersModel(tf.io.fromMemory({ modelTopology }))
  .then((model) => model.predict(tf.ones([1, 5, 3])).shape, (error) => error.message);
`;
    const tools = allBundlers ? { webpack: '5.113.0', 'webpack-cli': '7.3.1', esbuild: '0.28.2' } : {};
    const files = { 'src/index.js': main };
    await using built = await outsideProject(tarballs, ['core'], { ...tfjs, rolldown: '1.2.19', ...tools }, files);
    await built.run('rolldown', 'src/index.js', '--file', 'rolldown/main.js', '--minify', '--platform', 'browser');
    if (allBundlers) {
      await built.run('webpack', '--mode', 'production', '--output-path', 'webpack');
      await built.run('esbuild', 'src/index.js', '--bundle', '--minify', '--format=esm', '--outfile=esbuild/main.js');
    }
    const browser = await launchChromium();
    for (const bundler of allBundlers ? ['rolldown', 'webpack', 'esbuild'] : ['rolldown']) {
      const files: Files = new Map([
        [
          'index.html',
          new TextEncoder().encode('<link rel="icon" href="data:," /><script type="module" src="main.js"></script>'),
        ],
        ['main.js', new Uint8Array(await readFile(join(built.path, bundler, 'main.js')))],
      ]);
      await using server = await serverOf(files, '');
      const page = await openTab(browser);
      await page.goto(server.url);
      await page.waitForFunction(() => 'loaded' in globalThis);
      const loaded = await page.evaluate(() => (globalThis as unknown as { loaded: Promise<unknown> }).loaded);
      expect(loaded, bundler).toEqual([1, 2]);
      await page.close();
    }
    await browser.close();
  });
});
