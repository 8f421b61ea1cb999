// Assembles the edge runtime's kernels from WebAssembly's text format, into a module of base64, which is committed.
// When the package is built, it also assembles them into the file that the package exports as kernels.wasm:
//   node scripts/assemble-kernels.mjs           writes packages/edge-runtime/src/decoder/kernels.wasm.ts
//   node scripts/assemble-kernels.mjs --dist    writes packages/edge-runtime/dist/kernels.wasm and its types
import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import wabt from 'wabt';

const edgeRuntime = new URL('../packages/edge-runtime/', import.meta.url);
const folder = new URL('src/decoder/', edgeRuntime);

async function assembled() {
  const { parseWat } = await wabt();
  const source = parseWat('kernels.wat', await readFile(new URL('kernels.wat', folder), 'utf8'), { simd: true });
  source.validate();
  return source.toBinary({}).buffer;
}

/** The contents of kernels.wasm.ts for the kernels.wat in its folder. */
export async function assembledKernels() {
  const base64 = Buffer.from(await assembled()).toString('base64');
  return [
    '/** kernels.wat, assembled by scripts/assemble-kernels.mjs: not to be edited. In base64, so that bundlers need no rule. */',
    `export const kernelsBase64 =\n${base64
      .match(/.{1,112}/g)
      .map((line) => `  '${line}'`)
      .join(' +\n')};`,
    '',
  ].join('\n');
}

const types = [
  '/** The kernels, compiled: where bundlers make a module of a .wasm file, such as those for Cloudflare Workers. */',
  'declare const kernels: WebAssembly.Module;',
  'export default kernels;',
  '',
].join('\n');

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (process.argv.includes('--dist')) {
    await writeFile(new URL('dist/kernels.wasm', edgeRuntime), await assembled());
    await writeFile(new URL('dist/kernels.wasm.d.ts', edgeRuntime), types);
  } else {
    await writeFile(new URL('kernels.wasm.ts', folder), await assembledKernels());
  }
}
