// A bundle outside browsers: the examples of examples/devices in Node and in Python, each in its own process.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from './code-blocks.js';

const execute = promisify(execFile);
const python = process.env.PYTHON ?? 'python3';
const hasOnnxRuntime = spawnSync(python, ['-c', 'import onnxruntime, tokenizers']).status === 0;
if (!hasOnnxRuntime) console.warn(`examples/devices/continue.py skipped: ${python} lacks onnxruntime or tokenizers`);

const prompt = 'the dogs that';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unroll-devices-'));
  await unroll('train', '--data', 'grammar', '--out', join(folder, 'checkpoint'), '--max-steps', '40');
  for (const quantization of ['none', 'int8', 'int4']) {
    const out = join(folder, quantization);
    await unroll('export', '--checkpoint', join(folder, 'checkpoint'), '--out', out, '--quantization', quantization);
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function unroll(...args: string[]) {
  return execute(process.execPath, [join(root, 'packages/trainer/bin/unroll.js'), ...args]);
}

/** The output of examples/devices/continue.mjs or .py. */
async function continued(program: string, file: string, bundle: string): Promise<string> {
  const { stdout } = await execute(program, [join(root, 'examples/devices', file), bundle, prompt]);
  return stdout;
}

test('a Node script continues a prompt from a bundle', async () => {
  const text = await continued(process.execPath, 'continue.mjs', join(folder, 'int8'));
  expect(text.split(/\s+/).length).toBeGreaterThan(prompt.split(' ').length);
  expect(text.startsWith(`${prompt} `)).toBe(true);
});

test('it ends quietly when nobody reads on', async () => {
  const script = join(root, 'examples/devices/continue.mjs');
  const child = spawn(process.execPath, [script, join(folder, 'int8'), prompt], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [status] = await once(child, 'close');
  expect({ status, stderr }).toEqual({ status: 141, stderr: '' });
});

test('a folder without a bundle is named in one line', async () => {
  const failure = continued(process.execPath, 'continue.mjs', join(folder, 'nowhere'));
  await expect(failure).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/nowhere.*\n$/) });
});

test.skipIf(!hasOnnxRuntime).each(['none', 'int8', 'int4'])(
  'Python and its ONNX Runtime continue it with the same words, quantization %s',
  async (quantization) => {
    const bundle = join(folder, quantization);
    const expected = await continued(process.execPath, 'continue.mjs', bundle);
    expect(await continued(python, 'continue.py', bundle)).toBe(expected);
  },
);
