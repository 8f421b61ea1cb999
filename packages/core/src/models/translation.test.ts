import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { logSoftmax } from '../decoding/log-softmax.js';
import { type RunStep, translateIds } from '../decoding/translation.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { elementCount } from '../tensors/shapes.js';
import { runGraph } from '../testing/onnx-runtime.js';
import { expectClose } from '../testing/textbook.js';
import { trace } from '../tracing/trace.js';
import { uniformParameters } from './initial-parameters.js';
import type { Program } from './program.js';
import { translationEvaluationProgram, translationLoss, translationParameterShapes } from './translation.js';
import { decoderStepProgram, encoderStepProgram } from './translation-steps.js';

const config = { vocabSize: 7, embeddingDim: 3, hiddenDim: 4, dropout: 0 };
const shape = { batch: 2, source: 4, target: 3 };
const shapes = translationParameterShapes(config);
const values = uniformParameters(shapes, { seed: 3, range: 0.8 });

const batch = (): NamedTensors => ({
  source: tf.tensor2d([1, 2, 3, 4, 5, 0, 6, 0], [4, 2], 'int32'),
  sourceLengths: tf.tensor1d([4, 2], 'int32'),
  previous: tf.tensor2d([0, 0, 3, 4, 5, 1], [3, 2], 'int32'),
  targets: tf.tensor1d([3, 4, 5, 1, 0, 0], 'int32'),
  weights: tf.tensor1d([0.2, 0.2, 0.2, 0.2, 0.2, 0]),
});

beforeAll(async () => {
  await tf.setBackend('cpu');
});

function lossAt(changed: Readonly<Record<string, Float32Array>>): number {
  return tf.tidy(() => {
    const parameters = Object.fromEntries(
      Object.entries(shapes).map(([name, size]) => [name, tf.tensor(changed[name]!, [...size])]),
    );
    return translationLoss(config, shape).loss(parameters, batch()).dataSync()[0]!;
  });
}

test.each(Object.keys(shapes))('the gradient with respect to %s equals finite differences', (name) => {
  const { loss } = translationLoss(config, shape);
  const others = Object.fromEntries(
    Object.entries(shapes).map(([each, size]) => [each, tf.tensor(values[each]!, [...size])]),
  );
  const gradient = tf
    .grad((x) => loss({ ...others, [name]: x }, batch()))(others[name]!)
    .dataSync();
  const step = 1e-2;
  for (let k = 0; k < Math.min(6, elementCount(shapes[name]!)); k++) {
    const at = (delta: number) => lossAt({ ...values, [name]: values[name]!.map((v, i) => (i === k ? v + delta : v)) });
    expect(gradient[k]).toBeCloseTo((at(step) - at(-step)) / (2 * step), 3);
  }
});

test('a translation decoded step by step has the likelihood that the training program gives it', async () => {
  const source = [1, 3, 5, 6];
  const zeroIds = { sourceLengths: [4], previous: [0, 2, 4], targets: [2, 4, 0] };
  const { tokenLosses } = await run(translationEvaluationProgram(config, { batch: 1, source: 4, target: 3 }), {
    source: Int32Array.from(source),
    ...Object.fromEntries(Object.entries(zeroIds).map(([name, ids]) => [name, Int32Array.from(ids)])),
  });
  const steps = {
    encode: (inputs: StepInputs) => run(encoderStepProgram(config), inputs),
    decode: (inputs: StepInputs) => run(decoderStepProgram(config), inputs),
    ...{ hiddenDim: config.hiddenDim, eosId: 0 },
  };
  const followed: number[] = [];
  const losses: number[] = [];
  const forced: RunStep = async (inputs) => {
    const outputs = await steps.decode(inputs);
    const target = zeroIds.targets[followed.length]!;
    losses.push(-logSoftmax(outputs.logits!)[target]!);
    followed.push(target);
    const logits = outputs.logits!.map((_, k) => (k === target ? 0 : Number.NEGATIVE_INFINITY));
    return { ...outputs, logits };
  };
  const tokens = await translateIds({ ...steps, decode: forced }, source, { beamWidth: 1 });
  expect(tokens).toEqual([2, 4]);
  expectClose(losses, [...tokenLosses!], 1e-5);
});

test('a sentence longer than a device reads is refused', async () => {
  const none: RunStep = async () => ({});
  const steps = { encode: none, decode: none, hiddenDim: 4, eosId: 0 };
  await expect(translateIds(steps, new Array(65).fill(1))).rejects.toThrow(
    'has 65 tokens, more than 64; cut it in two',
  );
});

type StepInputs = Parameters<RunStep>[0];

async function run({ run, inputs }: Program, given: StepInputs): Promise<Record<string, Float32Array>> {
  const all = { ...values, ...given };
  const fed = Object.entries(inputs).map(([name, { shape: size, dtype }]) => [
    name,
    { shape: size, dtype, values: [...all[name]!] },
  ]);
  const outputs = await runGraph(trace(run, inputs), Object.fromEntries(fed));
  return Object.fromEntries(Object.entries(outputs).map(([name, array]) => [name, Float32Array.from(array)]));
}
