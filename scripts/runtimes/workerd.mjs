// Runs a task in a Cloudflare Worker in workerd, and prints its report:
//   node workerd.mjs <folder with miniflare> <the worker's module> <the kernels' file> <the task as JSON>
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [, , folder, module, kernels, task] = process.argv;
const { Miniflare } = createRequire(join(folder, 'package.json'))('miniflare');
const miniflare = new Miniflare({
  modules: [
    { type: 'ESModule', path: 'worker.js', contents: await readFile(module, 'utf8') },
    { type: 'CompiledWasm', path: '@unroll/edge-runtime/kernels.wasm', contents: await readFile(kernels) },
  ],
  compatibilityDate: '2024-09-23',
});
try {
  const response = await miniflare.dispatchFetch('http://worker/', { method: 'POST', body: task });
  console.log(await response.text());
} finally {
  await miniflare.dispose();
}
