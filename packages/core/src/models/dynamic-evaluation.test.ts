import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { naiveLstm } from '../kernels/cells/naive-lstm.js';
import { add, matVec } from '../kernels/naive-linear-algebra.js';
import { elementCount } from '../tensors/shapes.js';
import { runGraph, type Values } from '../testing/onnx-runtime.js';
import { expectClose, rows, spreadInputs } from '../testing/textbook.js';
import { trace } from '../tracing/trace.js';
import {
  dynamicEvaluationProgram,
  dynamicRates,
  offsetShapes,
  rateShapes,
  squaredGradientProgram,
} from './dynamic-evaluation.js';
import type { DynamicRates } from './dynamic-rates.js';
import {
  type LanguageModelConfig,
  languageModelConfig,
  parameterShapes,
  stateShapes,
} from './language-model-config.js';
import type { Program } from './program.js';

const sizes = { vocabSize: 5, embeddingDim: 3, hiddenDim: 3 };
const dropouts = { dropout: 0.5, embeddingDropout: 0.5, weightDropout: 0.5, labelSmoothing: 0.1 };
const models: [string, LanguageModelConfig][] = [
  ['untied', languageModelConfig({ ...sizes, ...dropouts, variationalDropout: true })],
  ['tied', languageModelConfig({ ...sizes, tieWeights: true })],
  ['trained with a sampled softmax', languageModelConfig({ ...sizes, softmax: { name: 'sampled', samples: 2 } })],
];

const time = 2;
const ids = [0, 3, 1, 3, 3, 4];
const targets = [3, 1, 3, 3, 4, 0];

type Parameters = Readonly<Record<string, Values>>;
interface State {
  readonly h: readonly number[];
  readonly c: readonly number[];
}

const before: State = { h: [0, 0, 0], c: [0, 0, 0] };

/** A segment's losses, starting from the state before it, and the state after it, in float64. */
function naiveSegment(
  { tieWeights, softmax }: LanguageModelConfig,
  parameters: Parameters,
  start: number,
  state: State,
) {
  const matrix = (name: string) => rows(parameters[name]!);
  const embeddings = matrix('embedding.embeddings');
  const table = tieWeights ? embeddings : softmax && matrix('output.embeddings');
  const kernel = table ? table[0]!.map((_, k) => table.map((row) => row[k]!)) : matrix('output.kernel');
  const unit = {
    kernel: matrix('lstm.0.kernel'),
    recurrentKernel: matrix('lstm.0.recurrent_kernel'),
    bias: parameters['lstm.0.bias']!.values,
  };
  const inputs = ids.slice(start, start + time).map((id) => embeddings[id]!);
  const { outputs, cell } = naiveLstm(unit, inputs, state.h, state.c);
  const losses = outputs.map((output, t) => {
    const logits = add(matVec(output, kernel), parameters['output.bias']!.values);
    return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[targets[start + t]!]!;
  });
  return { losses, outputs, state: { h: outputs.at(-1)!, c: cell } };
}

/** The gradients of a segment's mean loss, by central differences. */
function naiveGradients(config: LanguageModelConfig, parameters: Parameters, start: number, state: State) {
  const step = 1e-5;
  const loss = (changed: Parameters) => {
    const { losses } = naiveSegment(config, { ...parameters, ...changed }, start, state);
    return losses.reduce((sum, value) => sum + value / time, 0);
  };
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, values }]) => {
      const at = (k: number, delta: number) => loss({ [name]: { shape, values: values.with(k, values[k]! + delta) } });
      return [name, values.map((_, k) => (at(k, step) - at(k, -step)) / (2 * step))];
    }),
  );
}

/** Krause et al. (2018): θ ← θ − η·∇L/(√MS + ε) + λ·min(√MS/avg, 1/λ)·(θ_g − θ), with √MS + ε and √MS/avg 1 for SGD. */
function naiveDynamicLosses(
  config: LanguageModelConfig,
  trained: Parameters,
  { rule, learningRate, decay }: DynamicRates,
  meanSquares: Readonly<Record<string, readonly number[]>>,
): number[] {
  const means = Object.values(meanSquares).map((v) => v.reduce((sum, square) => sum + Math.sqrt(square), 0) / v.length);
  const average = means.reduce((sum, mean) => sum + mean, 0) / means.length;
  let parameters = trained;
  let state = before;
  const losses: number[] = [];
  for (let start = 0; start < ids.length; start += time) {
    const segment = naiveSegment(config, parameters, start, state);
    const gradients = naiveGradients(config, parameters, start, state);
    losses.push(...segment.losses);
    state = segment.state;
    parameters = Object.fromEntries(
      Object.entries(parameters).map(([name, { shape, values }]) => {
        const updated = values.map((value, k) => {
          const root = Math.sqrt(meanSquares[name]![k]!);
          const rate = rule === 'rms' ? learningRate / (root + 2e-5) : learningRate;
          const pull = rule === 'rms' ? decay * Math.min(root / average, 1 / decay) : decay;
          return value - rate * gradients[name]![k]! + pull * (trained[name]!.values[k]! - value);
        });
        return [name, { shape, values: updated }];
      }),
    );
  }
  return losses;
}

type Run = (program: Program, inputs: Readonly<Record<string, Values>>) => Promise<Record<string, number[]>>;
const runs: [string, Run][] = [
  ['traced', ({ run, inputs }, values) => runGraph(trace(run, inputs), values)],
  [
    'op by op',
    async ({ run, inputs }, values) =>
      tf.tidy(() => {
        const tensors = Object.entries(inputs).map(([name, { shape, dtype }]) => [
          name,
          tf.tensor([...values[name]!.values], [...shape], dtype),
        ]);
        const outputs = Object.entries(run(Object.fromEntries(tensors)));
        return Object.fromEntries(outputs.map(([name, tensor]) => [name, Array.from(tensor.dataSync())]));
      }),
  ],
];

const zeros = (shapes: Readonly<Record<string, readonly number[]>>): Record<string, Values> =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, { shape, values: Array(elementCount(shape)).fill(0) }]),
  );

/** A program's inputs that come from the text. */
const textAt = (start: number): Record<string, Values> => ({
  ids: { shape: [time, 1], values: ids.slice(start, start + time), dtype: 'int32' },
  targets: { shape: [time], values: targets.slice(start, start + time), dtype: 'int32' },
  lossWeights: { shape: [time], values: Array(time).fill(1 / time) },
});

/** The outputs `next.*`, renamed as the inputs of the next run. */
const carried = (outputs: Record<string, number[]>, inputs: Record<string, Values>): Record<string, Values> =>
  Object.fromEntries(
    Object.entries(outputs)
      .filter(([name]) => name.startsWith('next.'))
      .map(([name, values]) => [
        name.slice('next.'.length),
        { shape: inputs[name.slice('next.'.length)]!.shape, values },
      ]),
  );

/** The losses of the text, segment by segment. */
async function dynamicLosses(
  config: LanguageModelConfig,
  trained: Parameters,
  rates: DynamicRates,
  meanSquares: Readonly<Record<string, readonly number[]>>,
  run: Run,
) {
  const program = dynamicEvaluationProgram(config, time, rates.rule);
  const squares = Object.entries(meanSquares).map(([name, values]) => [name, Float32Array.from(values)]);
  const rateValues = Object.entries(dynamicRates(config, rates, Object.fromEntries(squares)));
  const shapes = rateShapes(config, rates.rule);
  let inputs: Record<string, Values> = {
    ...trained,
    ...zeros({ ...offsetShapes(config), ...stateShapes(config, 1) }),
    ...Object.fromEntries(rateValues.map(([name, values]) => [name, { shape: shapes[name]!, values: [...values] }])),
  };
  const losses: number[] = [];
  const features: number[] = [];
  for (let start = 0; start < ids.length; start += time) {
    const outputs = await run(program, { ...inputs, ...textAt(start) });
    losses.push(...outputs.tokenLosses!);
    features.push(...outputs.features!);
    inputs = { ...inputs, ...carried(outputs, inputs) };
  }
  return { losses, features };
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe.each(models)('a model %s', (_, config) => {
  const trained = spreadInputs(parameterShapes(config));
  const meanSquares = Object.fromEntries(
    Object.entries(trained).map(([name, { values }], k) => [
      name,
      values.map((value, e) => Math.fround(e === k ? 0 : 0.01 * value ** 2)),
    ]),
  );

  describe.each(runs)('%s', (_, run) => {
    test.each<DynamicRates>([
      { rule: 'sgd', learningRate: 0.5, decay: 0.1 },
      { rule: 'rms', learningRate: 0.01, decay: 0.4 }, // strong enough that some elements' decay is clipped
    ])('learns by $rule what the loop in float64 learns', async (rates) => {
      const expected = naiveDynamicLosses(config, trained, rates, meanSquares);
      const { losses } = await dynamicLosses(config, trained, rates, meanSquares, run);
      expectClose(losses, expected, 1e-5);
    });

    test('evaluates like the trained model if the learning rate is zero', async () => {
      const still = { rule: 'rms', learningRate: 0, decay: 0.4 } as const;
      const { losses, features } = await dynamicLosses(config, trained, still, meanSquares, run);
      const plain = { losses: [] as number[], features: [] as number[] };
      let state = before;
      for (let start = 0; start < ids.length; start += time) {
        const segment = naiveSegment(config, trained, start, state);
        plain.losses.push(...segment.losses);
        plain.features.push(...segment.outputs.flat());
        state = segment.state;
      }
      expectClose(losses, plain.losses, 1e-6);
      expectClose(features, plain.features, 1e-6);
    });

    test('adds up the squares of the gradients of training text', async () => {
      const program = squaredGradientProgram(config, { batch: 1, time });
      const names = Object.keys(trained);
      let inputs: Record<string, Values> = {
        ...trained,
        ...zeros(stateShapes(config, 1)),
        ...zeros(Object.fromEntries(names.map((name) => [`squares/${name}`, trained[name]!.shape]))),
      };
      const expected = names.map((name) => trained[name]!.values.map(() => 0));
      let state = before;
      for (let start = 0; start < ids.length; start += time) {
        const gradients = naiveGradients(config, trained, start, state);
        state = naiveSegment(config, trained, start, state).state;
        names.forEach((name, k) => {
          gradients[name]!.forEach((gradient, e) => {
            expected[k]![e]! += gradient ** 2;
          });
        });
        inputs = { ...inputs, ...carried(await run(program, { ...inputs, ...textAt(start) }), inputs) };
      }
      names.forEach((name, k) => {
        expectClose(inputs[`squares/${name}`]!.values, expected[k]!, 1e-6);
      });
    });
  });
});

test('a program outputs only replacements of its inputs, the losses and the features', () => {
  const [, config] = models[0]!;
  const { outputs } = trace(
    dynamicEvaluationProgram(config, time, 'rms').run,
    dynamicEvaluationProgram(config, time, 'rms').inputs,
  );
  const names = outputs.map(({ name }) => name).filter((name) => !name.startsWith('next.'));
  expect(names.sort()).toEqual(['features', 'tokenLosses']);
});
