// Arguments of the loading functions that TypeScript would refuse: each is refused by name before anything is read.
import { describe, expect, test } from 'vitest';
import * as edgeRuntime from '../index.js';

/** Every loading function, but for `loadApplication`, whose options are its third argument. */
const loaders = Object.entries(edgeRuntime).filter(([name]) => /^load(?!Application$)/.test(name)) as (readonly [
  string,
  (...args: never[]) => Promise<unknown>,
])[];

test('there are loading functions to check', () => {
  expect(loaders.length).toBeGreaterThan(9);
});

describe.each(loaders)('%s', (_, load) => {
  const refused = async (...args: unknown[]): Promise<string> => {
    const error = await (load as (...args: unknown[]) => Promise<unknown>)(...args).catch((error: unknown) => error);
    return `${(error as Error).constructor.name}: ${(error as Error).message}`;
  };

  test.each([[undefined], [null], [Number.NaN], [{}], [Symbol('model')], [['./model/']]])(
    'refuses the address %o',
    async (address) => {
      expect(await refused(address)).toMatch(/^TypeError: address: must be a string or a URL, is /);
    },
  );

  test.each<[string, unknown]>([
    ['TypeError: options: must be an object, is null', null],
    ['TypeError: options: must be an object, is a number', 3],
    ['TypeError: options: must be an object, is a string', '3'],
    ['TypeError: device: must be the imported `wasm` or `webgpu`, is a string', { device: 'gpu' }],
    ['TypeError: device: must be the imported `wasm` or `webgpu`, is a number', { device: 3 }],
    ['TypeError: device: must be the imported `wasm` or `webgpu`, is an object', { device: { name: 'wasm' } }],
    ['TypeError: onProgress: must be a function, is a string', { onProgress: 'x' }],
    ['TypeError: onProgress: must be a function, is null', { onProgress: null }],
    ['TypeError: signal: must be an AbortSignal, is an object', { signal: new AbortController() }],
    ['TypeError: cache: must be true or false, is a string', { cache: 'no' }],
    ['TypeError: onnxRuntime: must be a string or a URL, is a number', { onnxRuntime: 5 }],
    ['TypeError: integrity: must be a string, is a number', { integrity: 5 }],
    ["RangeError: integrity 'md5-x': must be sha256- and the base64 of 32 bytes", { integrity: 'md5-x' }],
    ["RangeError: integrity '': must be sha256- and the base64 of 32 bytes", { integrity: '' }],
    ['TypeError: kernels: must be a WebAssembly.Module, is a string', { kernels: 'x' }],
    ["TypeError: ort: must be ONNX Runtime's module, is an object", { ort: {} }],
    ['TypeError: file: must be a string, is a number', { file: 1 }],
  ])('throws %s', async (message, options) => {
    expect(await refused('./nowhere/', options)).toBe(message);
  });

  test.each(['ftp://example.org/model/', new URL('ftp://example.org/model/'), 'data:,x', 'blob:x'])(
    'reads nothing from %s',
    async (address) => {
      expect(await refused(address)).toMatch(
        /^BundleError: '(ftp|data|blob):.*': nothing is read from \1: addresses; /,
      );
    },
  );
});
