/**
 * Dynamic evaluation: a model keeps learning from the text that it is evaluated on, each segment after predicting it.
 * Krause, Kahembwe, Murray and Renals (2018), "Dynamic evaluation of neural sequence models", section 4. What it learns
 * is stored as the offset δ = θ − θ_g from the trained parameters θ_g and decays towards zero.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { nextOf, subjectOf } from '../tensors/roles.js';
import type { Shapes } from '../tensors/shapes.js';
import type { DynamicRates, DynamicRule } from './dynamic-rates.js';
import { type LanguageModelConfig, parameterShapes } from './language-model-config.js';
import { outputLosses } from './language-model-forward.js';
import { lossAndGradients, withEmbedding } from './language-model-gradients.js';
import { evaluationProgram } from './language-model-programs.js';
import { type BatchShape, float32Inputs, type Program } from './program.js';

/**
 * ε of `rms`, as in the authors' code: far below most gradients, so that it only matters for those that are nearly
 * always zero.
 */
const epsilon = 2e-5;

const prefixed = (prefix: string, shapes: Shapes): Shapes =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [`${prefix}/${name}`, shape]));

/** The shapes of the offsets from the trained parameters; offsets are zero at the start of a text. */
export function offsetShapes(config: LanguageModelConfig): Shapes {
  return prefixed('offset', parameterShapes(config));
}

/** The shapes of each element's rates of learning and forgetting; scalars with `sgd`. */
export function rateShapes(config: LanguageModelConfig, rule: DynamicRule): Shapes {
  const shapes = parameterShapes(config);
  const sized = rule === 'rms' ? shapes : Object.fromEntries(Object.keys(shapes).map((name) => [name, []]));
  return { ...prefixed('rate', sized), ...prefixed('decay', sized) };
}

/** The shapes of the sums of squared gradients. */
export function squareShapes(config: LanguageModelConfig): Shapes {
  return prefixed('squares', parameterShapes(config));
}

/**
 * Predicts a segment, then learns from it: δ ← δ − η⊙∇L − λ⊙δ with the rates of {@link dynamicRates}.
 *
 * Inputs: the parameters, `offset/*`, `rate/*`, `decay/*` and the inputs of `evaluationProgram` for one sequence, with
 * `lossWeights` [time], each token's weight in L. Outputs: `next.*` of the offsets and the state, and, from before the
 * update, `tokenLosses` [time] in nats and `features` [time, output]. There is no dropout, and all words are scored.
 */
export function dynamicEvaluationProgram(config: LanguageModelConfig, time: number, rule: DynamicRule): Program {
  return {
    inputs: {
      ...gradientInputs(config, { batch: 1, time }),
      ...float32Inputs(offsetShapes(config)),
      ...float32Inputs(rateShapes(config, rule)),
    },
    run: (inputs) => {
      const names = Object.keys(parameterShapes(config));
      const adapted = names.map((name) => [name, tf.add(inputs[name]!, inputs[`offset/${name}`]!)]);
      const { outputs, gradients } = plainGradients(config, { ...inputs, ...Object.fromEntries(adapted) });
      for (const name of names) {
        const [offset, rate, decay] = ['offset', 'rate', 'decay'].map((kind) => inputs[`${kind}/${name}`]!);
        const change = tf.add(tf.mul(gradients[name]!, rate!), tf.mul(offset!, decay!));
        outputs[nextOf(`offset/${name}`)] = tf.sub(offset!, change);
      }
      return outputs;
    },
  };
}

/**
 * Adds the squared gradients of a batch of training text to `squares/*`. Inputs as of {@link dynamicEvaluationProgram},
 * for a batch, without offsets and rates.
 */
export function squaredGradientProgram(config: LanguageModelConfig, shape: BatchShape): Program {
  return {
    inputs: { ...gradientInputs(config, shape), ...float32Inputs(squareShapes(config)) },
    run: (inputs) => {
      const { outputs, gradients } = plainGradients(config, inputs);
      const results = Object.entries(outputs).filter(([name]) => subjectOf('next', name) !== undefined);
      for (const [name, gradient] of Object.entries(gradients)) {
        results.push([nextOf(`squares/${name}`), tf.add(inputs[`squares/${name}`]!, tf.square(gradient))]);
      }
      return Object.fromEntries(results);
    },
  };
}

/**
 * Computes the values of `rateShapes`: for `sgd` η and λ; for `rms` η/(√MS + ε) and min(λ·√MS/avg(√MS), 1), where MS is
 * the mean of the squared gradients. As in the authors' code, avg is the mean of the tensors' means.
 * @param meanSquares MS by parameter; used by `rms`
 */
export function dynamicRates(
  config: LanguageModelConfig,
  { rule, learningRate, decay }: DynamicRates,
  meanSquares: Readonly<Record<string, Float32Array>>,
): Record<string, Float32Array> {
  const names = Object.keys(parameterShapes(config));
  if (rule === 'sgd') {
    const scalars = (kind: string, value: number) => names.map((name) => [`${kind}/${name}`, Float32Array.of(value)]);
    return Object.fromEntries([...scalars('rate', learningRate), ...scalars('decay', decay)]);
  }
  const roots = names.map((name) => [name, meanSquares[name]!.map(Math.sqrt)] as const);
  const average = mean(roots.map(([, values]) => mean(values)));
  return Object.fromEntries(
    roots.flatMap(([name, values]) => [
      [`rate/${name}`, values.map((root) => learningRate / (root + epsilon))],
      [`decay/${name}`, values.map((root) => Math.min((decay * root) / average, 1))],
    ]),
  );
}

function mean(values: ArrayLike<number> & Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function gradientInputs(config: LanguageModelConfig, shape: BatchShape): Program['inputs'] {
  const lossWeights = { shape: [shape.time * shape.batch], dtype: 'float32' } as const;
  return { ...evaluationProgram(config, shape).inputs, lossWeights };
}

/** The gradients of the loss used for evaluation: without dropout, label smoothing or sampled softmax. */
function plainGradients(
  config: LanguageModelConfig,
  inputs: NamedTensors,
): { outputs: NamedTensors; gradients: NamedTensors } {
  const { outputs, gradients } = lossAndGradients(config, inputs, (_, parameters, features) => {
    const tokenLosses = outputLosses(config, parameters, features, inputs.targets as tf.Tensor1D);
    return { objectives: tokenLosses, tokenLosses, features };
  });
  return { outputs, gradients: withEmbedding(config, gradients) };
}
