// Builds the edge runtime's workers into one script, and the script into a module that exports it as text:
//   node scripts/embed-worker.mjs
// Its output, src/generated/ (for type checks) and dist/generated/, is built and never committed.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, defaultClientConditions } from 'vite';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const edgeRuntime = join(root, 'packages/edge-runtime');

const [{ output }] = await build({
  root,
  configFile: false,
  logLevel: 'warn',
  resolve: { conditions: ['@unroll/source', ...defaultClientConditions] },
  build: {
    lib: { entry: join(edgeRuntime, 'src/worker/embedded-worker.ts'), formats: ['es'] },
    // 14 MB; a page gives its address if a model needs it.
    rolldownOptions: { external: /^onnxruntime-web/, output: { minify: true } },
    ...{ write: false, minify: true, target: 'es2022' },
  },
});
const [{ code }] = output;

for (const folder of ['src/generated', 'dist/generated']) {
  await mkdir(join(edgeRuntime, folder), { recursive: true });
  const module = join(edgeRuntime, folder, 'embedded-worker');
  await writeFile(`${module}.js`, `export const embeddedWorker = ${JSON.stringify(code)};\n`);
  await writeFile(`${module}.d.ts`, 'export declare const embeddedWorker: string;\n');
}
