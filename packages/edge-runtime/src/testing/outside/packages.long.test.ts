// The packed packages in a project outside the repository: as modules, by require, by their types, built, and by their weight.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executablePath, type Files, launchChromium } from '../browser.js';
import { serverOf } from '../sample-bundle.js';
import { online, outsideProject, packageNames, packed, type Tarballs } from './project.js';

const limit = { timeout: 1_200_000 };
const tfjs = { '@tensorflow/tfjs': '4.22.0' };
const compilers = { '5.9': '5.9.3', current: '7.0.2' };
const typedPage = `
import { BundleError, loadLanguageModel, type LanguageModel } from '@unroll/edge-runtime';
import { webgpu } from '@unroll/edge-runtime/webgpu';
import { languageModelConfig } from '@unroll/core/config';
import { seededRandom } from '@unroll/core/decoding';
import { decodeOnnx, type OnnxGraph } from '@unroll/core/onnx';
import { trainTokenizer } from '@unroll/core/text';

export async function write(): Promise<string[]> {
  const model: LanguageModel = await loadLanguageModel('./model/', { device: webgpu });
  const words: string[] = await model.suggest('the do', { count: 3 });
  await model[Symbol.asyncDispose]();
  return words;
}
export const graph = (bytes: Uint8Array): OnnxGraph => decodeOnnx(bytes);
export const others = [BundleError, languageModelConfig, seededRandom, trainTokenizer];
`;

describe.skipIf(!online)('outside the repository', () => {
  let tarballs: Tarballs;
  beforeAll(async () => {
    tarballs = await packed();
  }, limit.timeout);
  afterAll(() => tarballs[Symbol.asyncDispose]());

  test('all packages are imported, required, and run the command', limit, async () => {
    const names = packageNames.map((name) => `@unroll/${name}`);
    await using outside = await outsideProject(
      tarballs,
      packageNames,
      {},
      {
        'imported.mjs': `const all = await Promise.all(${JSON.stringify(names)}.map((name) => import(name)));
console.log(all.every((module) => Object.keys(module).length > 0));`,
        'required.cjs': `console.log(${JSON.stringify(names)}.every((name) => Object.keys(require(name)).length > 0));`,
      },
    );
    expect((await outside.run('node', 'imported.mjs')).trim()).toBe('true');
    expect(await outside.run('node', '--no-warnings', 'required.cjs')).toMatch(/^true$/m);
    await outside.run('unroll', 'train', '--data', 'grammar', '--out', 'run', '--max-steps', '2');
    await outside.run('unroll', 'export', '--checkpoint', 'run', '--out', 'bundle');
    expect(await outside.run('unroll', 'generate', '--bundle', 'bundle', '--prompt', 'the dogs')).toMatch(/\w/);
  });

  test.each(Object.entries(compilers))('TypeScript %s finds no error in the types', limit, async (_, typescript) => {
    await using outside = await outsideProject(
      tarballs,
      ['core', 'edge-runtime'],
      { typescript },
      { 'page.ts': typedPage },
    );
    for (const resolution of ['node16', 'nodenext', 'bundler']) {
      const module = resolution === 'bundler' ? 'esnext' : resolution;
      const options = [
        '--module',
        module,
        '--moduleResolution',
        resolution,
        '--lib',
        'es2022,dom',
        '--target',
        'es2022',
      ];
      const strict = ['--strict', '--skipLibCheck', 'false', '--noEmit', 'page.ts'];
      expect(await outside.run('tsc', ...options, ...strict)).toBe('');
    }
  });

  test('publint has nothing to say', limit, async () => {
    await using outside = await outsideProject(tarballs, packageNames, { publint: '0.3.25' });
    for (const name of packageNames) {
      expect(await outside.run('publint', tarballs.pathOf(name), '--strict')).toContain('All good!');
    }
  });

  test('the edge runtime takes less than 20 MB', limit, async () => {
    await using outside = await outsideProject(tarballs, ['core', 'edge-runtime'], {});
    expect(await outside.megabytes()).toBeLessThan(20);
  });

  test.skipIf(!executablePath)('a production build that only imports core loads a saved model', limit, async () => {
    const main = `import * as tf from '@tensorflow/tfjs';
import '@unroll/core';
const layer = (name, config) => ({ class_name: name, config: { name, ...config } });
const layers = [layer('UnrollLSTM', { batch_input_shape: [null, 5, 3], units: 4 }), layer('UnrollLinear', { units: 2 })];
const modelTopology = { class_name: 'Sequential', config: { name: 's', layers } };
globalThis.loaded = tf.loadLayersModel(tf.io.fromMemory({ modelTopology }))
  .then((model) => model.predict(tf.ones([1, 5, 3])).shape, (error) => error.message);
`;
    const tools = { vite: '8.3.8', webpack: '5.113.0', 'webpack-cli': '7.3.1', esbuild: '0.28.2' };
    const files = { 'src/index.js': main };
    await using outside = await outsideProject(tarballs, ['core'], { ...tfjs, ...tools }, files);
    await outside.run('webpack', '--mode', 'production', '--output-path', 'webpack');
    await outside.run('esbuild', 'src/index.js', '--bundle', '--minify', '--format=esm', '--outfile=esbuild/main.js');
    await outside.run('rolldown', 'src/index.js', '--file', 'rolldown/main.js', '--minify', '--platform', 'browser');
    const browser = await launchChromium();
    for (const bundler of ['webpack', 'esbuild', 'rolldown']) {
      const files: Files = new Map([
        [
          'index.html',
          new TextEncoder().encode('<link rel="icon" href="data:," /><script type="module" src="main.js"></script>'),
        ],
        ['main.js', new Uint8Array(await readFile(join(outside.path, bundler, 'main.js')))],
      ]);
      await using server = await serverOf(files, '');
      const page = await browser.newPage();
      await page.goto(server.url);
      await page.waitForFunction(() => 'loaded' in globalThis);
      const loaded = await page.evaluate(() => (globalThis as unknown as { loaded: Promise<unknown> }).loaded);
      expect(loaded, bundler).toEqual([1, 2]);
      await page.close();
    }
    await browser.close();
  });
});
