// Assembles the edge runtime's kernels from WebAssembly's text format into a module of base64, which is committed:
//   node scripts/assemble-kernels.mjs
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import wabt from 'wabt';

const folder = new URL('../packages/edge-runtime/src/decoder/', import.meta.url);

/** The contents of kernels.wasm.ts for the kernels.wat that stands beside it. */
export async function assembledKernels() {
  const { parseWat } = await wabt();
  const source = parseWat('kernels.wat', await readFile(new URL('kernels.wat', folder), 'utf8'), { simd: true });
  source.validate();
  const base64 = Buffer.from(source.toBinary({}).buffer).toString('base64');
  return [
    '/** kernels.wat, assembled by scripts/assemble-kernels.mjs: not to be edited. In base64, so that bundlers need no rule. */',
    `export const kernelsBase64 =\n${base64
      .match(/.{1,112}/g)
      .map((line) => `  '${line}'`)
      .join(' +\n')};`,
    '',
  ].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await writeFile(fileURLToPath(new URL('kernels.wasm.ts', folder)), await assembledKernels());
}
