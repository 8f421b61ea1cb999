// Compiles a schema in proto/ to static protobufjs code (no eval at run time) for the package that uses it:
//   node scripts/generate-proto.mjs core|param-server|trainer
// The output includes the part of protobufjs that it calls, because protobufjs is CommonJS, and browsers read only
// modules. Its output, src/generated/ (for tests, which run from source) and dist/generated/, is built and never
// committed.
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const pbjs = promisify(require('protobufjs-cli/pbjs').main);
const pbts = promisify(require('protobufjs-cli/pbts').main);

const schemas = {
  core: { source: 'proto/onnx/onnx.proto', name: 'onnx' },
  'param-server': { source: 'proto/unroll/v1/parameter_server.proto', name: 'parameter-server' },
  trainer: { source: 'proto/tensorboard/event.proto', name: 'tensorboard' },
};
const encodeAndDecodeOnly = ['--no-create', '--no-verify', '--no-convert', '--no-delimited', '--no-service'];

const modified = (file) =>
  stat(file).then(
    (s) => s.mtimeMs,
    () => 0,
  );

const packageName = process.argv[2];
const { source, name } = schemas[packageName];
const from = join(root, source);
const generated = join(root, 'packages', packageName, 'src/generated');
const built = join(root, 'packages', packageName, 'dist/generated');
await mkdir(generated, { recursive: true });
await mkdir(built, { recursive: true });

const code = join(generated, `${name}.js`);
const types = join(generated, `${name}.d.ts`);
const newestInput = Math.max(await modified(from), await modified(fileURLToPath(import.meta.url)));
if ((await modified(types)) < newestInput) {
  const format = ['-t', 'static-module', '-w', 'es6', '--force-number', '--root', packageName];
  await pbjs([...format, ...encodeAndDecodeOnly, '-o', code, from]);
  await pbts(['-o', types, code]);
  await writeFile(code, await withLibrary('protobufjs', code));
}
await copyFile(code, join(built, `${name}.js`));
await copyFile(types, join(built, `${name}.d.ts`));

/**
 * The module `file` bundled with its imports from `library`, after the library's licence. 64-bit integers become
 * numbers.
 */
async function withLibrary(library, file) {
  const { build } = await import('vite');
  const withoutLong = {
    name: 'without-long',
    enforce: 'pre',
    resolveId: (id) => (id === 'long' ? '\0long' : undefined),
    load: (id) => (id === '\0long' ? 'module.exports = {};' : undefined),
  };
  const [{ output }] = await build({
    configFile: false,
    logLevel: 'warn',
    plugins: [withoutLong],
    build: {
      lib: { entry: file, formats: ['es'] },
      rolldownOptions: { output: { comments: { legal: true, annotation: true, jsdoc: false } } },
      ...{ write: false, minify: false, target: 'es2022' },
    },
  });
  const licence = await readFile(join(dirname(require.resolve(`${library}/package.json`)), 'LICENSE'), 'utf8');
  return `/*!\nParts of ${library} are in this file.\n\n${licence}*/\n${output[0].code}`;
}
