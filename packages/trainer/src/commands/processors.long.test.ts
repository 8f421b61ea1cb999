// Bundles on a processor that this machine need not have: Haswell, emulated by QEMU, has AVX2 but no VNNI. There, ONNX
// Runtime's products of uint8 and int8 saturate. Bundles must score the same as on any other processor, and on Unroll's
// own kernels.
import { execFile, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeOnnx, type OnnxGraph } from '@unroll/core';
import { loadLocalLanguageModel } from '@unroll/edge-runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder, unroll, unrollJson } from '../testing/unroll-process.js';

const execute = promisify(execFile);
const haswell = ['qemu-x86_64', '-cpu', 'Haswell'] as const;
const python = process.env.PYTHON ?? 'python3';
const canEmulate = process.arch === 'x64' && spawnSync('qemu-x86_64', ['--version']).status === 0;
const hasOnnxRuntime = spawnSync(python, ['-c', 'import onnxruntime, tokenizers']).status === 0;
if (!canEmulate) console.warn('a processor without VNNI skipped: needs x64 and qemu-x86_64 (Debian: qemu-user)');
const program = join(import.meta.dirname, '../../bin/unroll.js');
const timeout = 600_000;

/** Resolves with the program's output on that processor. */
async function onHaswell(interpreter: string, ...args: string[]): Promise<string> {
  const [emulator, ...flags] = haswell;
  return (await execute(emulator, [...flags, interpreter, ...args])).stdout;
}

describe.skipIf(!canEmulate)('on a processor without VNNI', () => {
  const root = temporaryFolder();
  const at = (name: string) => join(root.path, name);
  const text = 'the dogs that work avoid her .\nemma thinks that the young cats behind the forest wait .\n';

  beforeAll(async () => {
    await unroll('train', '--data', 'grammar', '--out', at('checkpoint'), '--max-steps', '300');
    for (const [quantization, target] of [
      ['int8', 'wasm'],
      ['int8', 'node'],
      ['mixed', 'node'],
    ] as const) {
      const to = ['--out', at(`${quantization}-${target}`), '--quantization', quantization, '--target', target];
      await unroll('export', '--checkpoint', at('checkpoint'), ...to);
    }
  }, timeout);
  afterAll(() => root[Symbol.dispose]());

  test('a product of uint8 and int8 saturates, unless the session stores its weights as uint8', {
    timeout,
  }, async () => {
    const product: OnnxGraph = {
      inputs: [{ name: 'x', dtype: 'uint8', shape: [1, 64] }],
      outputs: [{ name: 'y', dtype: 'int32', shape: [1, 1] }],
      initializers: [{ name: 'w', dtype: 'int8', shape: [64, 1], data: new Uint8Array(64).fill(127) }],
      nodes: [{ opType: 'MatMulInteger', inputs: ['x', 'w'], outputs: ['y'] }],
    };
    const script = `
      const ort = require(${JSON.stringify(createRequire(import.meta.url).resolve('onnxruntime-node'))});
      const model = Buffer.from('${Buffer.from(encodeOnnx(product)).toString('base64')}', 'base64');
      const x = new ort.Tensor('uint8', new Uint8Array(64).fill(255), [1, 64]);
      const run = async (extra) => (await (await ort.InferenceSession.create(model, { extra })).run({ x })).y.data[0];
      const settings = { session: { x64quantprecision: '1' } };
      (async () => console.log(JSON.stringify([await run({}), await run(settings)])))();`;
    expect(JSON.parse(await onHaswell(process.execPath, '-e', script))).toEqual([1_048_544, 2_072_640]);
  });

  test.each(['int8-wasm', 'int8-node', 'mixed-node'])(
    'the bundle %s scores as here and on the own kernels',
    { timeout },
    async (bundle) => {
      const command = ['score', '--bundle', at(bundle), '--text', text, '--json'];
      const { tokenLogProbabilities: there } = JSON.parse(await onHaswell(process.execPath, program, ...command));
      const { tokenLogProbabilities: here } = await unrollJson('score', '--bundle', at(bundle), '--text', text);
      await using model = await loadLocalLanguageModel(at(bundle));
      const { tokenLogProbabilities: own } = await model.score(text);
      expect(largestDifference(there, own)).toBeLessThan(0.001);
      expect(largestDifference(here as number[], own)).toBeLessThan(0.001);
    },
  );

  test.skipIf(!hasOnnxRuntime)("Python's ONNX Runtime writes what Node writes", { timeout }, async () => {
    const example = join(import.meta.dirname, '../../../../examples/devices/continue');
    const prompt = 'the dogs that';
    const { stdout: expected } = await execute(process.execPath, [`${example}.mjs`, at('int8-wasm'), prompt]);
    const { stdout: interpreter } = await execute(python, ['-c', 'import sys; print(sys.executable)']);
    expect(await onHaswell(interpreter.trim(), `${example}.py`, at('int8-wasm'), prompt)).toBe(expected);
  });
});

function largestDifference(a: readonly number[], b: ArrayLike<number>): number {
  expect(a).toHaveLength(b.length);
  return Math.max(...a.map((value, k) => Math.abs(value - b[k]!)));
}
