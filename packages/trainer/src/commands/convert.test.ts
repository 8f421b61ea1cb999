// Models of TensorFlow.js and Keras as ONNX files: from folders, files and addresses, with what a user can do wrong.

import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { type LayersModel, layers, sequential } from '@tensorflow/tfjs-layers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { committedFiles, kerasFolder } from '../testing/foreign-models/files.js';
import { unrollHere } from '../testing/unroll-here.js';
import { temporaryFolder } from '../testing/unroll-process.js';

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
afterAll(() => root[Symbol.dispose]());

interface Converted {
  readonly bytes: number;
  readonly inputs: readonly { readonly name: string; readonly shape: readonly (number | string)[] }[];
  readonly comparison: { readonly difference: number };
}

async function converted(...args: string[]): Promise<Converted> {
  const { status, stdout, stderr } = await unrollHere('convert', ...args, '--json');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Converted;
}

async function save(model: LayersModel, folder: string): Promise<void> {
  mkdirSync(folder);
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      const { modelTopology, weightSpecs } = artifacts;
      const json = { modelTopology, weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }] };
      writeFileSync(join(folder, 'model.json'), JSON.stringify(json));
      writeFileSync(join(folder, 'weights.bin'), Buffer.from(artifacts.weightData as ArrayBuffer));
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
}

beforeAll(async () => {
  await tf.setBackend('cpu');
  const text = [
    layers.embedding({ inputDim: 400, outputDim: 16, inputShape: [null], name: 'tokens' }),
    layers.lstm({ units: 64, returnSequences: true, recurrentInitializer: 'glorotUniform' }),
    layers.dense({ units: 32, activation: 'softmax', name: 'words' }),
  ];
  await save(sequential({ layers: text }), at('text'));
  const stateful = layers.gru({ units: 2, batchInputShape: [1, 3, 2], stateful: true, recurrentInitializer: 'zeros' });
  await save(sequential({ layers: [stateful] }), at('stateful'));
  const stepByStep = layers.rnn({
    cell: layers.simpleRNNCell({ units: 2, recurrentInitializer: 'zeros' }),
    ...{ inputShape: [null, 3], name: 'cells' },
  });
  await save(sequential({ layers: [stepByStep] }), at('cells'));
  writeFileSync(at('text/other.json'), '{"name": "no model"}');
  writeFileSync(at('text/torn.json'), readFileSync(at('text/model.json')).subarray(0, 99));
  mkdirSync(at('cut'));
  writeFileSync(at('cut/model.json'), readFileSync(at('text/model.json')));
  writeFileSync(at('cut/weights.bin'), readFileSync(at('text/weights.bin')).subarray(8));
  mkdirSync(at('empty'));
});

test('a folder becomes a file that runs for any batch and length, and the command prints its proof', async () => {
  const { status, stdout } = await unrollHere('convert', at('text'), '--out', at('text.onnx'));
  expect(status).toBe(0);
  expect(stdout).toMatch(/inputs: "tokens_input" float32 \[batch, time\]\n/);
  expect(stdout).toMatch(/outputs: "words" float32 \[batch, time, 32\]\n/);
  expect(stdout).toMatch(
    /runs in ONNX Runtime, on random inputs of 2 sizes; largest difference from TensorFlow.js: \d\S+, in "words"\n$/,
  );
  const session = await InferenceSession.create(at('text.onnx'));
  for (const [batch, time] of [
    [1, 1],
    [5, 3],
    [2, 40],
  ] as const) {
    const { words } = await session.run({
      tokens_input: new Tensor('float32', new Float32Array(batch * time), [batch, time]),
    });
    expect(words!.dims).toEqual([batch, time, 32]);
  }
  await session.release();
});

test.each(['lstm.h5', 'gru.h5', 'rnn.h5', 'gru.keras', 'each-step.keras'])('%s of Keras converts', async (name) => {
  const { comparison } = await converted(join(committedFiles, kerasFolder, name), '--out', at(`${name}.onnx`));
  expect(comparison.difference).toBeLessThan(1e-4);
});

test('a model at an address converts', async () => {
  const server = createServer(({ url }, response) => {
    const file = at(new URL(url!, 'http://localhost').pathname.slice(1));
    if (!existsSync(file)) response.writeHead(404);
    response.end(existsSync(file) ? readFileSync(file) : '');
  }).listen(0, '127.0.0.1');
  try {
    await new Promise((done) => server.once('listening', done));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { comparison } = await converted(`${address}/text/model.json?key=1`, '--out', at('address.onnx'));
    expect(comparison.difference).toBeLessThan(1e-4);
    const { status, stderr } = await unrollHere('convert', `${address}/none.json`, '--out', at('none.onnx'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^unroll: \S+none.json: the server answers 404; [^\n]+\n$/);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('weights are stored as integers, shapes are fixed and the opset is chosen on demand', async () => {
  const whole = statSync(at('text.onnx')).size;
  for (const scheme of ['int8', 'int4']) {
    const { bytes, comparison } = await converted(at('text'), '--out', at(`${scheme}.onnx`), '--quantize', scheme);
    expect(bytes).toBeLessThan(whole);
    expect(comparison.difference).toBeLessThan(0.1);
  }
  const shape = ['--shape', 'tokens_input=batch,7'];
  const { inputs } = await converted(at('text'), '--out', at('fixed.onnx'), ...shape, '--opset', '18');
  expect(inputs).toEqual([{ name: 'tokens_input', dtype: 'float32', shape: ['batch', 7] }]);
});

test.each([
  ['missing', [], /missing: cannot be read \(.*\); give a model's folder, file or URL/],
  ['empty', [], /empty: holds no model.json; give the folder/],
  ['text/other.json', [], /other.json: holds no model of TensorFlow.js \(no modelTopology\); give a model.json/],
  ['text/torn.json', [], /torn.json: is not JSON .*; give a model.json, .keras or .h5/],
  ['cut', [], /its weights take \d+ bytes, and the files hold \d+; is one cut off or missing\?/],
  ['stateful', [], /has stateful layers, whose states ONNX cannot keep; make them stateless/],
  ['cells', [], /cannot be left open: .*; give numbers for it with --shape, in place of cells_input=batch,time,3\n/],
  ['text', ['--opset', '9'], /--opset: opset 9 is not written; give one from 15 to 21/],
  ['text', ['--shape', 'words=1,2'], /the model has no input 'words', but 'tokens_input'/],
  ['text', ['--shape', 'tokens_input=1,2,3'], /of input 'tokens_input' does not have 2 sizes/],
] as const)('%s %j is refused with one line, and nothing is written', async (model, flags, message) => {
  const { status, stdout, stderr } = await unrollHere('convert', at(model), '--out', at('refused.onnx'), ...flags);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^unroll: [^\n]+\n$/);
  expect(stderr).toMatch(message);
  expect(existsSync(at('refused.onnx'))).toBe(false);
});

test('a file that exists stays', async () => {
  const before = readFileSync(at('text.onnx'));
  const { status, stderr } = await unrollHere('convert', at('text'), '--out', at('text.onnx'));
  expect(status).toBe(1);
  expect(stderr).toMatch(/text.onnx: exists already; choose another --out/);
  expect(readFileSync(at('text.onnx')).equals(before)).toBe(true);
});
