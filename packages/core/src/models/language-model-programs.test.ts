import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeOnnx, encodeOnnx } from '../onnx/file.js';
import { naiveUpdate } from '../optimizers/naive.js';
import { defaultOptimizer, optimizerSlots } from '../optimizers/optimizer-config.js';
import { fillDropoutMask } from '../random/dropout-mask.js';
import { slotName } from '../tensors/roles.js';
import { elementCount } from '../tensors/shapes.js';
import { checkOnnx, onnxCheckerMissing } from '../testing/onnx-checker.js';
import { runGraph, type Values } from '../testing/onnx-runtime.js';
import { trace } from '../tracing/trace.js';
import { type LanguageModelConfig, languageModelConfig, parameterShapes } from './language-model-config.js';
import {
  decodingProgram,
  evaluationProgram,
  gradientProgram,
  languageModelStepGraph,
  rowGradientProgram,
  trainingProgram,
} from './language-model-programs.js';
import { type NamedValues, naiveTokenLosses } from './naive-language-model.js';
import type { BatchShape, Program } from './program.js';

const shape: BatchShape = { batch: 2, time: 3 };

const sizes = { vocabSize: 7, embeddingDim: 3, hiddenDim: 4, layers: 2, dropout: 0.4 };
const models: LanguageModelConfig[] = (['rnn', 'lstm', 'gru', 'cifg', 'mingru', 'minlstm'] as const).flatMap((cell) => [
  languageModelConfig({ ...sizes, cell }),
  languageModelConfig({ ...sizes, cell, embeddingDim: 4, tieWeights: true, recurrentBias: true }),
]);
models.push(
  languageModelConfig({
    ...{ ...sizes, cell: 'lstm', tieWeights: true, embeddingDim: 4 },
    ...{ variationalDropout: true, embeddingDropout: 0.2, weightDropout: 0.3 },
  }),
);
models.push(languageModelConfig({ ...sizes, cell: 'cifg', tieWeights: true, projectionDim: 3 }));
const named = models.map(
  (config) =>
    [
      `${config.cell}, ${config.tieWeights ? 'tied' : 'untied'}, ${config.recurrentBias ? 'two biases' : 'one bias'}${config.projectionDim ? ', projected' : ''}${config.weightDropout ? ', of AWD' : ''}`,
      config,
    ] as const,
);
const lstm = models[2]!;

/** Deterministic inputs for a program: token ids repeat, dropout masks are drawn, and the rest is in [-1, 1]. */
function sampleInputs({ inputs }: Program, { vocabSize, dropout }: LanguageModelConfig): Record<string, Values> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, dtype }], k) => {
      const size = elementCount(shape);
      if (dtype === 'int32') {
        const ids = Array.from({ length: size }, (_, position) => (position * position + k) % vocabSize);
        return [name, { shape, values: ids, dtype }];
      }
      if (name.startsWith('dropout.')) {
        const mask = new Float32Array(size);
        const [rows = 0, width = 0] = shape;
        const place = { site: k, firstLane: 0, lanes: 1, time: rows, width };
        fillDropoutMask(mask, { rate: dropout, seed: 3, step: 1, ...place });
        return [name, { shape, values: [...mask], dtype }];
      }
      const values = Array.from({ length: size }, (_, e) => Math.fround(Math.sin(12.9898 * (e + 1) + k)));
      return [name, { shape, values, dtype }];
    }),
  );
}

const valuesOf = (inputs: Readonly<Record<string, Values>>): NamedValues =>
  Object.fromEntries(Object.entries(inputs).map(([name, { values }]) => [name, values]));

const traced = ({ run, inputs }: Program, values: Readonly<Record<string, Values>>) =>
  runGraph(trace(run, inputs), values);

/** Runs a program op by op on the cpu backend. */
function eagerly({ run }: Program, values: Readonly<Record<string, Values>>): Record<string, number[]> {
  return tf.tidy(() => {
    const inputs = Object.entries(values).map(([name, { shape, values, dtype }]) => [
      name,
      tf.tensor([...values], [...shape], dtype),
    ]);
    const outputs = run(Object.fromEntries(inputs));
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, Array.from(tensor.dataSync())]));
  });
}

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  const errors = expected.map((value, k) => Math.abs(actual[k]! - value) / Math.max(1, Math.abs(value)));
  expect(Math.max(...errors)).toBeLessThan(tolerance);
}

/** ∂(Σ lossWeights·tokenLosses)/∂parameters by central differences of the naive model, in float64. */
function finiteDifferences(config: LanguageModelConfig, inputs: NamedValues): Record<string, number[]> {
  const step = 1e-5;
  const loss = (changed: NamedValues) =>
    naiveTokenLosses(config, shape, { ...inputs, ...changed }).reduce(
      (sum, tokenLoss, k) => sum + tokenLoss * inputs.lossWeights![k]!,
      0,
    );
  return Object.fromEntries(
    Object.keys(parameterShapes(config)).map((name) => {
      const values = inputs[name]!;
      const at = (k: number, delta: number) => loss({ [name]: values.with(k, values[k]! + delta) });
      return [name, values.map((_, k) => (at(k, step) - at(k, -step)) / (2 * step))];
    }),
  );
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe.each(named)('two layers of %s, with dropout', (_, config) => {
  const program = gradientProgram(config, shape);
  const inputs = sampleInputs(program, config);
  const gradients = finiteDifferences(config, valuesOf(inputs));

  test.each([
    ['op by op', eagerly],
    ['traced', traced],
  ])('losses and gradients are those of the textbook model when run %s', async (_, run) => {
    const outputs = await run(program, inputs);
    expectClose(outputs.tokenLosses!, naiveTokenLosses(config, shape, valuesOf(inputs)), 1e-5);
    for (const [name, gradient] of Object.entries(gradients)) {
      expectClose(outputs[`gradient.${name}`]!, gradient, 2e-5);
    }
  });

  test('state carried from one batch to the next continues the sequence', async () => {
    const long = evaluationProgram(config, { batch: 2, time: 6 });
    const longInputs = sampleInputs(long, config);
    const half = evaluationProgram(config, shape);
    const halfInputs = (from: number, state: Record<string, Values>) => {
      const cut = (name: string, shape: number[]): Values => {
        const values = longInputs[name]!.values.slice(from, from + 6);
        return { shape, values, dtype: 'int32' };
      };
      return { ...longInputs, ...state, ids: cut('ids', [3, 2]), targets: cut('targets', [6]) };
    };
    const whole = await traced(long, longInputs);
    const first = await traced(half, halfInputs(0, {}));
    const carried = Object.entries(first)
      .filter(([name]) => name.startsWith('next.'))
      .map(([name, values]) => [name.slice('next.'.length), { shape: [2, values.length / 2], values }]);
    const second = await traced(half, halfInputs(6, Object.fromEntries(carried)));
    expectClose([...first.tokenLosses!, ...second.tokenLosses!], whole.tokenLosses!, 1e-5);
    for (const [name] of carried) expectClose(second[`next.${name}`]!, whole[`next.${name}`]!, 1e-5);
  });

  test('decoding token by token gives the scores by which text is evaluated', async () => {
    const evaluation = evaluationProgram(config, { batch: 1, time: 4 });
    const inputs = sampleInputs(evaluation, config);
    const { tokenLosses } = await traced(evaluation, inputs);
    const parameters = Object.keys(parameterShapes(config)).map((name) => [
      name,
      Float32Array.from(inputs[name]!.values),
    ]);
    const step = languageModelStepGraph(config, Object.fromEntries(parameters));
    let state: Record<string, Values> = inputs;
    for (const [t, target] of inputs.targets!.values.entries()) {
      const ids: Values = { shape: [1], values: [inputs.ids!.values[t]!], dtype: 'int32' };
      const { logits, ...next } = await runGraph(step, { ...state, ids });
      const sum = logits!.reduce((total, logit) => total + Math.exp(logit), 0);
      expect(Math.log(sum) - logits![target]!).toBeCloseTo(tokenLosses![t]!, 5);
      const carried = Object.entries(next).map(([name, values]) => [
        name.slice('next.'.length),
        { shape: [1, values.length], values },
      ]);
      state = Object.fromEntries(carried);
    }
  });
});

describe.each(['sgd', 'momentum', 'adam', 'adamw', 'adagrad', 'rmsprop'] as const)(
  'a training step with %s',
  (optimizerName) => {
    const optimizer = defaultOptimizer(optimizerName);

    test.each([0.5, 1e6])('clipped to a norm of %d is the step computed in float64', async (clipNorm) => {
      const program = trainingProgram(lstm, shape, { optimizer, clipNorm });
      const inputs = sampleInputs(program, lstm);
      const [learningRate, step] = [0.05, 3];
      inputs.learningRate = { shape: [], values: [learningRate] };
      inputs.step = { shape: [], values: [step] };
      for (const name of Object.keys(inputs).filter((name) => name.startsWith('v/') || name.startsWith('squares/'))) {
        inputs[name] = { ...inputs[name]!, values: inputs[name]!.values.map((value) => Math.fround(value ** 2)) };
      }
      const outputs = await traced(program, inputs);

      const gradients = finiteDifferences(lstm, valuesOf(inputs));
      const norm = Math.sqrt(
        Object.values(gradients)
          .flat()
          .reduce((sum, value) => sum + value ** 2, 0),
      );
      expect(outputs.gradientNorm![0]! / norm).toBeCloseTo(1, 5);
      const scale = Math.min(1, clipNorm / norm);
      const slots = optimizerSlots(optimizer);
      for (const [name, gradient] of Object.entries(gradients)) {
        const expected = gradient.map((value, k) => {
          const before = slots.map((slot) => [slot, inputs[slotName(slot, name)]!.values[k]!]);
          const at = { parameter: inputs[name]!.values[k]!, slots: Object.fromEntries(before) };
          return naiveUpdate(optimizer, at, scale * value, learningRate, step);
        });
        expectClose(
          outputs[`next.${name}`]!,
          expected.map(({ parameter }) => parameter),
          1e-5,
        );
        for (const slot of slots) {
          expectClose(
            outputs[`next.${slotName(slot, name)}`]!,
            expected.map(({ slots }) => slots[slot]!),
            1e-5,
          );
        }
      }
    });
  },
);

test('the rows of the embedding’s gradient add up by token to its table', async () => {
  const table = await traced(gradientProgram(lstm, shape), sampleInputs(gradientProgram(lstm, shape), lstm));
  const inputs = sampleInputs(rowGradientProgram(lstm, shape), lstm);
  const { 'gradientRows.embedding.embeddings': rows, ...others } = await traced(
    rowGradientProgram(lstm, shape),
    inputs,
  );
  const sums = new Array<number>(lstm.vocabSize * lstm.embeddingDim).fill(0);
  for (const [token, id] of inputs.ids!.values.entries()) {
    for (let k = 0; k < lstm.embeddingDim; k++)
      sums[id * lstm.embeddingDim + k]! += rows![token * lstm.embeddingDim + k]!;
  }
  const { 'gradient.embedding.embeddings': expected, ...otherGradients } = table;
  expectClose(sums, expected!, 1e-6);
  expect(others).toEqual(otherGradients);
});

test('a program run op by op leaves only its outputs in memory', () => {
  const program = gradientProgram(lstm, shape);
  const inputs = sampleInputs(program, lstm);
  eagerly(program, inputs);
  const before = tf.memory().numTensors;
  eagerly(program, inputs);
  trace(program.run, program.inputs);
  expect(tf.memory().numTensors).toBe(before);
});

const programs = named.flatMap(([name, config]) =>
  Object.entries({
    training: trainingProgram(config, shape, { optimizer: defaultOptimizer('adamw'), clipNorm: 5 }),
    gradient: gradientProgram(config, shape),
    'row gradient': rowGradientProgram(config, shape),
    'smoothed gradient': gradientProgram({ ...config, labelSmoothing: 0.1 }, shape),
    evaluation: evaluationProgram(config, shape),
    decoding: decodingProgram(config),
  }).map(([kind, program]) => [`${kind} program of ${name}`, program] as const),
);

test.each(programs)('the %s is the same file each time it is traced, and reads back', (_, { run, inputs }) => {
  const graph = trace(run, inputs);
  const file = encodeOnnx(graph);
  expect(encodeOnnx(trace(run, inputs))).toEqual(file);
  expect(encodeOnnx(decodeOnnx(file))).toEqual(file);
});

test.for(named)('ONNX’s own checker accepts the programs of %s', ([name], { skip }) => {
  skip(onnxCheckerMissing !== undefined, onnxCheckerMissing);
  const ofModel = programs.filter(([title]) => title.endsWith(` of ${name}`));
  expect(ofModel).toHaveLength(6);
  checkOnnx(Object.fromEntries(ofModel.map(([title, { run, inputs }]) => [title, encodeOnnx(trace(run, inputs))])));
});
