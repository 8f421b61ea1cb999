// Pages of other projects that install the packed packages: their bundlers, with default settings, build pages that
// load models. Vite 8 is tested among the long tests, all others with UNROLL_BUNDLERS=all (CONTRIBUTING.md).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadLocalLanguageModel } from '../../loading/load-local.js';
import { executablePath, type Files, launchChromium, openTab } from '../browser.js';
import { folderOf, sampleBundle, serverOf } from '../sample-bundle.js';
import { randomReadingGraph } from '../step-graph.js';
import { allBundlers, online, outsideProject, type Project, packed, type Tarballs } from './project.js';

const ours = ['core', 'edge-runtime'] as const;
const onnxRuntime = { 'onnxruntime-web': '1.30.0' };

/** A page that writes with two models: one for the package's own kernels, and one for ONNX Runtime. */
const script = (options: string) => `
import { loadLanguageModel } from '@unroll/edge-runtime';

async function write(folder) {
  const model = await loadLanguageModel('/models/' + folder + '/', ${options});
  const ids = [];
  for await (const { id } of model.generate('the river', { maxTokens: 9, temperature: 0 })) ids.push(id);
  return { ids, runtime: model.device.runtime };
}
const outcome = (folder) => write(folder).catch((error) => error.code + ': ' + error.message);
globalThis.written = Promise.all([outcome('own'), outcome('ort')]);
`;
const html = (src: string) =>
  `<!doctype html><link rel="icon" href="data:," /><script type="module" src="${src}"></script>`;
const installed = 'undefined';
const elsewhere = "{ onnxRuntime: '/onnxruntime/ort.wasm.bundle.min.mjs' }";

describe.skipIf(!online || !executablePath)('a page outside the repository', () => {
  let browser: Browser;
  let tarballs: Tarballs;
  let models: Files;
  let expected: { ids: number[]; runtime: string }[];
  beforeAll(async () => {
    [browser, tarballs] = [await launchChromium(), await packed()];
    const own = await sampleBundle('int8');
    const ort = await sampleBundle('none', 'word', (shape) => randomReadingGraph({ ...shape, cell: 'mingru' }));
    const named = (folder: string, files: Files) =>
      Array.from(files, ([name, bytes]) => [`models/${folder}/${name}`, bytes] as const);
    models = new Map([...named('own', own), ...named('ort', ort)]);
    expected = await Promise.all([own, ort].map(writtenInNode));
  });
  afterAll(async () => {
    await browser.close();
    await tarballs[Symbol.asyncDispose]();
  });

  const project = (
    others: Record<string, string>,
    files: Record<string, string | Uint8Array> = {},
    fields: object = {},
  ) => outsideProject(tarballs, ours, { ...onnxRuntime, ...others }, files, fields);
  const modelFiles = (folder: string) =>
    Object.fromEntries(Array.from(models, ([name, bytes]) => [`${folder}/${name}`, bytes]));

  async function written(url: string) {
    const page = await openTab(browser);
    await page.goto(url);
    await page.waitForFunction(() => 'written' in globalThis);
    const written = await page.evaluate(() => (globalThis as unknown as { written: Promise<unknown[]> }).written);
    await page.close();
    return written;
  }

  /** Resolves to the text that the page built into `folder` writes. */
  async function writtenBy({ path }: Project, folder: string, more: Files = new Map()) {
    await using server = await serverOf(new Map([...(await filesIn(join(path, folder))), ...models, ...more]), '');
    return await written(server.url);
  }

  const page = { 'index.html': html('/main.js'), 'main.js': script(installed) };

  test('Vite 8, in development and built', async () => {
    await using outside = await project({ vite: '8.3.8' }, { ...page, ...modelFiles('public') });
    const { createServer } = (await import(
      pathToFileURL(join(outside.path, 'node_modules/vite/dist/node/index.js')).href
    )) as typeof import('vite');
    const server = await createServer({ root: outside.path, server: { host: '127.0.0.1', port: 0 } });
    await server.listen();
    expect(await written(server.resolvedUrls!.local[0]!)).toEqual(expected);
    await server.close();
    await outside.run('vite', 'build');
    expect(await writtenBy(outside, 'dist')).toEqual(expected);
  });

  test.skipIf(!allBundlers)('Vite 7, in development, where the package carries its worker', async () => {
    const files = { ...page, 'main.js': script(elsewhere), ...modelFiles('public') };
    await using outside = await project({ vite: '7.3.8' }, files);
    await using runtime = await serverOf(await onnxRuntimeOf(outside), '');
    const { createServer } = (await import(
      pathToFileURL(join(outside.path, 'node_modules/vite/dist/node/index.js')).href
    )) as typeof import('vite');
    const proxy = { '/onnxruntime': runtime.url };
    const server = await createServer({ root: outside.path, server: { host: '127.0.0.1', port: 0, proxy } });
    await server.listen();
    expect(await written(server.resolvedUrls!.local[0]!)).toEqual(expected);
    await server.close();
  });

  test.skipIf(!allBundlers)('webpack', async () => {
    const tools = { webpack: '5.113.0', 'webpack-cli': '7.3.1' };
    await using outside = await project(tools, { 'src/index.js': script(installed) });
    await outside.run('webpack', '--mode', 'production');
    const index: Files = new Map([['index.html', new TextEncoder().encode(html('/main.js'))]]);
    expect(await writtenBy(outside, 'dist', index)).toEqual(expected);
  });

  test.skipIf(!allBundlers)('Next.js', async () => {
    const component = `'use client';\nimport { useEffect } from 'react';\nimport { loadLanguageModel } from '@unroll/edge-runtime';\n
export default function Page() {
  useEffect(() => {${script(installed).replace(/import .*/, '')}}, []);
  return <p>A page</p>;
}`;
    const layout =
      'export default ({ children }) => <html lang="en"><head><link rel="icon" href="data:," /></head><body>{children}</body></html>;';
    await using outside = await project(
      { next: '16.4.6', react: '19.3.1', 'react-dom': '19.3.1' },
      { 'app/page.jsx': component, 'app/layout.jsx': layout, ...modelFiles('public') },
    );
    await outside.run('next', 'build');
    const server = spawn(
      process.execPath,
      [join(outside.path, 'node_modules/next/dist/bin/next'), 'start', '-p', '0', '-H', '127.0.0.1'],
      { cwd: outside.path, env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' } },
    );
    try {
      let said = '';
      for await (const text of server.stdout) {
        said += text;
        if (/Ready/.test(said)) break;
      }
      expect(await written(/http:\/\/127\.0\.0\.1:\d+/.exec(said)![0])).toEqual(expected);
    } finally {
      const ended = once(server, 'close');
      server.kill();
      await ended;
    }
  });

  test.skipIf(!allBundlers)('Rollup, with ONNX Runtime put beside the page', async () => {
    const tools = { rollup: '4.68.8', '@rollup/plugin-node-resolve': '16.0.3' };
    await using outside = await project(tools, { 'main.js': script(elsewhere) });
    await outside.run('rollup', 'main.js', '-d', 'dist', '-f', 'es', '-p', 'node-resolve={browser:true}');
    const index: Files = new Map([['index.html', new TextEncoder().encode(html('/main.js'))]]);
    const runtime = await onnxRuntimeOf(outside);
    expect(await writtenBy(outside, 'dist', new Map([...index, ...runtime]))).toEqual(expected);
  });

  test.skipIf(!allBundlers)('esbuild, with ONNX Runtime put beside the page', async () => {
    await using outside = await project({ esbuild: '0.28.2' }, { 'main.js': script(elsewhere) });
    await outside.run('esbuild', 'main.js', '--bundle', '--format=esm', '--outdir=dist');
    const index: Files = new Map([['index.html', new TextEncoder().encode(html('/main.js'))]]);
    const runtime = await onnxRuntimeOf(outside);
    expect(await writtenBy(outside, 'dist', new Map([...index, ...runtime]))).toEqual(expected);
  });

  test.skipIf(!allBundlers)('Parcel, with what docs/deployment.md says in its package.json', async () => {
    const fields = {
      '@parcel/resolver-default': { packageExports: true },
      alias: { 'onnxruntime-web/wasm': false, 'onnxruntime-web/jspi': false },
    };
    const files = { 'src/index.html': html('./main.js'), 'src/main.js': script(elsewhere) };
    await using outside = await project({ parcel: '2.16.4' }, files, fields);
    await outside.run('parcel', 'build', 'src/index.html', '--dist-dir', 'dist', '--no-cache');
    expect(await writtenBy(outside, 'dist', await onnxRuntimeOf(outside))).toEqual(expected);
  });
});

/** The text that a bundle's model writes in Node, and the runtime that it uses in a page. */
async function writtenInNode(bundle: Files) {
  await using folder = await folderOf(bundle);
  await using model = await loadLocalLanguageModel(folder.path);
  const ids: number[] = [];
  for await (const { id } of model.generate('the river', { maxTokens: 9, temperature: 0 })) ids.push(id);
  return { ids, runtime: model.device.runtime };
}

/** The files of an installed onnxruntime-web that a page must serve. */
async function onnxRuntimeOf({ path }: Project): Promise<Files> {
  const names = ['ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm'];
  const folder = join(path, 'node_modules/onnxruntime-web/dist');
  const read = async (name: string) =>
    [`onnxruntime/${name}`, new Uint8Array(await readFile(join(folder, name)))] as const;
  return new Map(await Promise.all(names.map(read)));
}

async function filesIn(folder: string): Promise<Files> {
  const files: Files = new Map();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(relative(folder, path), new Uint8Array(await readFile(path)));
  }
  return files;
}
