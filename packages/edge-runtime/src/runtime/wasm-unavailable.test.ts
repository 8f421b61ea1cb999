// The remedies for runtimes without WebAssembly; cases of pages are tested in real browsers.
import { createContext, runInContext } from 'node:vm';
import { expect, test } from 'vitest';
import { wasmUnavailable } from './wasm-unavailable.js';

test('a runtime that cannot compile WebAssembly is told to pass it compiled', async () => {
  const context = createContext({}, { codeGeneration: { wasm: false } });
  const emptyModule = 'WebAssembly.compile(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))';
  const refusal = await (runInContext(emptyModule, context) as Promise<unknown>).catch((error) => error);
  expect(wasmUnavailable("the model's kernels", refusal)).toMatchObject({
    code: 'wasm-unavailable',
    message: expect.stringMatching(/^the model's kernels cannot start .*@unroll\/edge-runtime\/kernels\.wasm/),
  });
});
