// Compiles a schema in proto/ into static protobufjs code (no eval at run time) for the package that speaks it:
//   node scripts/generate-proto.mjs core|param-server|trainer
// Its output, src/generated/ (for tests, which run from source) and dist/generated/, is built and never committed.
import { copyFile, mkdir, stat } from 'node:fs/promises';
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
if ((await modified(types)) < (await modified(from))) {
  const format = ['-t', 'static-module', '-w', 'es6', '--force-number', '--root', packageName];
  await pbjs([...format, ...encodeAndDecodeOnly, '-o', code, from]);
  await pbts(['-o', types, code]);
}
await copyFile(code, join(built, `${name}.js`));
await copyFile(types, join(built, `${name}.d.ts`));
