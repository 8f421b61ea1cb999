import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { makeGolden, torchMissing } from '../testing/golden.js';
import { directionOf, goldenTensors, ourTensor, readGoldenRwkv7 } from '../testing/golden-rwkv7.js';
import { runGraph, type Values } from '../testing/onnx-runtime.js';
import { expectClose } from '../testing/textbook.js';
import { trace } from '../tracing/trace.js';
import { initialParameters } from './initial-parameters.js';
import { languageModelConfig, parameterShapes, stateShapes } from './language-model-config.js';
import { evaluationProgram, gradientProgram } from './language-model-programs.js';
import type { Program } from './program.js';
import { RwkvLanguageModel } from './rwkv-language-model.js';

const golden = readGoldenRwkv7();
const { sizes, tokens } = golden;
const config = languageModelConfig({
  ...{ cell: 'rwkv7', vocabSize: sizes.vocab, embeddingDim: sizes.width, hiddenDim: sizes.width, layers: sizes.layers },
  ...{ headSize: sizes.head, feedForwardDim: sizes.feed_forward, decayRank: sizes.ranks.w, rateRank: sizes.ranks.a },
  ...{ valueRank: sizes.ranks.v, gateRank: sizes.ranks.g },
});
const [time, batch] = [tokens.length - 1, tokens[0]!.length];
const ours = [...goldenTensors(golden)].map(([name, tensor]) => ourTensor(name, tensor));

/** The inputs of a program over the golden batch, from `from` on, with the states given. */
function inputsOf(program: Program, from: number, states: Readonly<Record<string, readonly number[]>> = {}) {
  const known: Record<string, readonly number[]> = {
    ...Object.fromEntries(ours.map(({ name, values }) => [name, values])),
    ...states,
    ids: tokens.slice(from, -1).flat(),
    targets: tokens.slice(from + 1).flat(),
    lossWeights: Array<number>(time * batch).fill(1 / (time * batch)),
  };
  return Object.fromEntries(
    Object.entries(program.inputs).map(([name, { shape, dtype }]): [string, Values] => {
      const count = shape.reduce((a, b) => a * b, 1);
      return [
        name,
        { shape, dtype: dtype as 'float32', values: known[name]?.slice(0, count) ?? Array<number>(count).fill(0) },
      ];
    }),
  );
}

const run = async (program: Program, inputs: Record<string, Values>) =>
  runGraph(trace(program.run, program.inputs), inputs);

const values = (result: Record<string, ArrayLike<number>>, name: string) => Array.from(result[name]!);

describe('beside the implementation in numpy, an RWKV-7', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });

  test('has the parameters of the published files', () => {
    const shapes = Object.fromEntries(ours.map(({ name, shape }) => [name, shape]));
    expect(parameterShapes(config)).toEqual({ ...shapes, 'output.bias': [sizes.vocab] });
  });

  test('has its losses and states, in one run or several that hand on the state', async () => {
    const whole = evaluationProgram(config, { batch, time });
    const { tokenLosses, ...rest } = await run(whole, inputsOf(whole, 0));
    const mean = Array.from(tokenLosses!).reduce((sum, loss) => sum + loss, 0) / tokenLosses!.length;
    expect(mean).toBeCloseTo(golden.loss, 5);
    for (const [layer, { att, S, ffn }] of golden.states.entries()) {
      expectClose(values(rest, `next.att.x.${layer}`), att, 1e-5);
      expectClose(values(rest, `next.att.S.${layer}`), S, 1e-5);
      expectClose(values(rest, `next.ffn.x.${layer}`), ffn, 1e-5);
    }
    const [first, second] = [7, time - 7].map((steps) => evaluationProgram(config, { batch, time: steps }));
    const begun = await run(first!, inputsOf(first!, 0));
    const states = Object.keys(stateShapes(config, batch)).map((name) => [name, values(begun, `next.${name}`)]);
    const ended = await run(second!, inputsOf(second!, 7, Object.fromEntries(states)));
    expectClose([...begun.tokenLosses!, ...ended.tokenLosses!].map(Number), Array.from(tokenLosses!), 1e-5);
    expectClose(values(ended, 'next.att.S.2'), golden.states[2]!.S, 1e-5);
  });

  test('has its gradients', async () => {
    const program = gradientProgram(config, { batch, time });
    const result = await run(program, inputsOf(program, 0));
    const slopes = ours.map(({ name }, place) => {
      const { shape } = golden.tensors[place]!;
      const along = ourTensor(golden.tensors[place]!.name, { shape, values: directionOf(golden, place) }).values;
      return values(result, `gradient.${name}`).reduce((sum, value, k) => sum + value * along[k]!, 0);
    });
    expectClose(slopes, golden.slopes, 1e-5);
  });

  test('as an object with variables has its logits', () => {
    const { vocabSize, hiddenDim, layers, headSize, feedForwardDim, decayRank, rateRank, valueRank, gateRank } = config;
    const model = new RwkvLanguageModel({
      ...{ vocabSize, hiddenDim, layers, headSize, feedForwardDim, decayRank, rateRank, valueRank, gateRank },
    });
    for (const { name, shape, values } of ours) model.parameters[name]!.assign(tf.tensor([...values], [...shape]));
    const ids = tf.transpose(tf.tensor2d(tokens.slice(0, -1) as number[][], [time, batch], 'int32'));
    const { logits, state } = model.forward(ids as tf.Tensor2D);
    expectClose(Array.from(tf.transpose(logits, [1, 0, 2]).dataSync()), golden.logits, 1e-5);
    expectClose(Array.from(state['att.S.2']!.dataSync()), golden.states[2]!.S, 1e-5);
    model.dispose();
  });
});

test.skipIf(torchMissing)(
  `numpy makes its golden values again (${torchMissing ?? 'it is here'})`,
  ({ onTestFinished }) => {
    const folder = mkdtempSync(join(tmpdir(), 'unroll-golden-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    makeGolden(folder, 'make_rwkv7.py');
    const made = readGoldenRwkv7(folder);
    expectClose(made.logits, golden.logits, 1e-8);
    expectClose(made.slopes, golden.slopes, 1e-6);
  },
);

test('starts as published: random matrices are orthogonal, outputs of the blocks zero', () => {
  const small = languageModelConfig({ cell: 'rwkv7', vocabSize: 40, embeddingDim: 64, hiddenDim: 64, layers: 2 });
  expect(small).toMatchObject({ headSize: 64, decayRank: 32, rateRank: 32, valueRank: 32, gateRank: 32 });
  expect(small).toMatchObject({ feedForwardDim: 256 });
  const start = initialParameters(small, { seed: 5 });
  expect(Object.keys(start)).toEqual(Object.keys(parameterShapes(small)));
  const product = (name: string, a: number, b: number, width: number) =>
    Array.from({ length: 64 }, (_, row) => start[name]![row * width + a]! * start[name]![row * width + b]!).reduce(
      (sum, value) => sum + value,
    );
  expect(product('blocks.1.att.receptance.kernel', 3, 3, 64)).toBeCloseTo(1, 5);
  expect(product('blocks.1.att.receptance.kernel', 3, 4, 64)).toBeCloseTo(0, 5);
  expect(product('output.kernel', 1, 1, 40)).toBeCloseTo(0.25, 5);
  expect(new Set(start['blocks.1.att.output.kernel'])).toEqual(new Set([0]));
  expect(start['blocks.0.att.ln_x.weight']![0]).toBeCloseTo(0.5 ** 0.7, 6);
  expect(start['blocks.1.att.k_k']![0]).toBeCloseTo(0.76, 6);
  expect(initialParameters(small, { seed: 5 })).toEqual(start);
});

test('a size that does not fit is refused with its name', () => {
  const sizes = { cell: 'rwkv7', vocabSize: 40, embeddingDim: 64, hiddenDim: 64 } as const;
  expect(() => languageModelConfig({ ...sizes, hiddenDim: 128 })).toThrow('one width in an rwkv7, got 64 and 128');
  expect(() => languageModelConfig({ ...sizes, headSize: 48 })).toThrow(
    'must be a multiple of headSize, got 64 and 48',
  );
  expect(() => languageModelConfig({ ...sizes, cell: 'lstm', headSize: 32 })).toThrow(
    'headSize: is for rwkv7, not for',
  );
  expect(() => languageModelConfig({ ...sizes, weightDropout: 0.1 })).toThrow('which a rwkv7 does not have');
});
