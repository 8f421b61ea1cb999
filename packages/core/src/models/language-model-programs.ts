/**
 * The programs of a language model's life, each a function over named tensors with the specification of its inputs, so
 * that an engine may run it eagerly on a TensorFlow.js backend or trace it into one ONNX graph. An output `next.x`
 * replaces the input `x` in the next run.
 */
import * as tf from '@tensorflow/tfjs-core';
import { sparseSoftmaxCrossEntropy } from '../kernels/softmax-cross-entropy/sparse.js';
import { sumOfSquares } from '../kernels/sum-of-squares/sum-of-squares.js';
import type { OnnxGraph } from '../onnx/graph.js';
import { clipScale, type OptimizerConfig, optimizerSlots, optimizerUpdate } from '../optimizers/optimizer.js';
import type { TensorSpec } from '../tracing/trace.js';
import { trace } from '../tracing/trace.js';
import {
  dropoutWidths,
  type LanguageModelConfig,
  parameterShapes,
  type Shapes,
  stateShapes,
} from './language-model-config.js';
import { type NamedTensors, outputLogits, recurrentFeatures } from './language-model-forward.js';

export interface Program {
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly run: (inputs: NamedTensors) => NamedTensors;
  /** `mixed` for a program that an engine must run in float16 where that is safe; float32 unless given. */
  readonly precision?: Precision;
}

export type Precision = 'float32' | 'mixed';

/** How gradients become new parameters. */
export interface UpdateRecipe {
  readonly optimizer: OptimizerConfig;
  readonly clipNorm: number;
}

/** How many sequences of how many tokens one run takes. */
export interface BatchShape {
  readonly batch: number;
  readonly time: number;
}

/** The name of an optimizer's slot for a parameter, as in `optimizer.safetensors`. */
export function slotName(slot: string, parameter: string): string {
  return `${slot}/${parameter}`;
}

/** The shapes of all of an optimizer's slots, by name. */
export function slotShapes(optimizer: OptimizerConfig, parameters: Shapes): Shapes {
  return Object.fromEntries(
    optimizerSlots(optimizer).flatMap((slot) =>
      Object.entries(parameters).map(([name, shape]) => [slotName(slot, name), shape]),
    ),
  );
}

/**
 * A whole local training step: loss, gradients by truncated BPTT, clipping by global norm, optimizer.
 *
 * Inputs: the parameters, the optimizer's slots, the state, and for each step `ids` int32 [time, batch], `targets` int32
 * [time·batch], `lossWeights` [time·batch] (what each token's loss counts in the loss that is minimised), `dropout.k` masks,
 * `learningRate` and `step` (1 for the first) scalars. Outputs: `next.*` of parameters, slots and state, `tokenLosses`
 * [time·batch] in nats, and `gradientNorm`, before clipping.
 */
export function trainingProgram(config: LanguageModelConfig, shape: BatchShape, recipe: UpdateRecipe): Program {
  return {
    inputs: {
      ...gradientProgram(config, shape).inputs,
      ...float32(slotShapes(recipe.optimizer, parameterShapes(config))),
      learningRate: { shape: [], dtype: 'float32' },
      step: { shape: [], dtype: 'float32' },
    },
    run: (inputs) => {
      const { gradients, outputs } = lossAndGradients(config, inputs);
      return { ...outputs, ...clippedUpdate(recipe, inputs, gradients) };
    },
  };
}

/** `next.*` of the parameters that have gradients and of their slots, and `gradientNorm`, before clipping. */
export function clippedUpdate(
  { optimizer, clipNorm }: UpdateRecipe,
  inputs: NamedTensors,
  gradients: NamedTensors,
): NamedTensors {
  const squares = Object.values(gradients).map((gradient) => sumOfSquares(gradient));
  const total = squares.reduce((sum, term) => tf.add(sum, term));
  const scale = clipScale(total, clipNorm);
  const outputs: NamedTensors = { gradientNorm: tf.sqrt(total) };
  for (const [name, gradient] of Object.entries(gradients)) {
    const slots = optimizerSlots(optimizer);
    const updated = optimizerUpdate(optimizer, {
      parameter: inputs[name]!,
      gradient: tf.mul(gradient, scale),
      slots: Object.fromEntries(slots.map((slot) => [slot, inputs[slotName(slot, name)]!])),
      learningRate: inputs.learningRate as tf.Scalar,
      step: inputs.step as tf.Scalar,
    });
    outputs[`next.${name}`] = updated.parameter;
    for (const slot of slots) outputs[`next.${slotName(slot, name)}`] = updated.slots[slot]!;
  }
  return outputs;
}

/** What a data-parallel worker runs: the training step's inputs without the optimizer's, and `gradient.*` outputs. */
export function gradientProgram(config: LanguageModelConfig, shape: BatchShape): Program {
  const rows = shape.time * shape.batch;
  const masks = config.dropout > 0 ? dropoutWidths(config) : [];
  return {
    inputs: {
      ...float32(parameterShapes(config)),
      ...float32(stateShapes(config, shape.batch)),
      ids: { shape: [shape.time, shape.batch], dtype: 'int32' },
      targets: { shape: [rows], dtype: 'int32' },
      lossWeights: { shape: [rows], dtype: 'float32' },
      ...float32(Object.fromEntries(masks.map((width, site) => [`dropout.${site}`, [rows, width]]))),
    },
    run: (inputs) => {
      const { gradients, outputs } = lossAndGradients(config, inputs);
      for (const [name, gradient] of Object.entries(gradients)) outputs[`gradient.${name}`] = gradient;
      return outputs;
    },
  };
}

/** Scores text: `ids`, `targets` and the state in, `tokenLosses` [time·batch] in nats and `next.*` of the state out. */
export function evaluationProgram(config: LanguageModelConfig, { batch, time }: BatchShape): Program {
  return {
    inputs: {
      ...float32(parameterShapes(config)),
      ...float32(stateShapes(config, batch)),
      ids: { shape: [time, batch], dtype: 'int32' },
      targets: { shape: [time * batch], dtype: 'int32' },
    },
    run: (inputs) => {
      const { features, state } = recurrentFeatures(config, inputs, inputs.ids as tf.Tensor2D, inputs);
      const logits = outputLogits(config, inputs, features);
      return { ...next(state), tokenLosses: sparseSoftmaxCrossEntropy(logits, inputs.targets as tf.Tensor1D) };
    },
  };
}

/** One decoding step: `ids` int32 [1] and the state, [1, hidden] each, in; `logits` [1, vocab] and `next.*` out. */
export function decodingProgram(config: LanguageModelConfig): Program {
  return {
    inputs: {
      ...float32(parameterShapes(config)),
      ...float32(stateShapes(config, 1)),
      ids: { shape: [1], dtype: 'int32' },
    },
    run: (inputs) => {
      const ids = tf.reshape(inputs.ids!, [1, 1]) as tf.Tensor2D;
      const { features, state } = recurrentFeatures(config, inputs, ids, inputs);
      return { ...next(state), logits: outputLogits(config, inputs, features) };
    },
  };
}

/** The decoding step as an ONNX graph that carries its parameters, as initializers named like them. */
export function languageModelStepGraph(
  config: LanguageModelConfig,
  parameters: Readonly<Record<string, Float32Array>>,
): OnnxGraph {
  const { inputs, run } = decodingProgram(config);
  const shapes = parameterShapes(config);
  const graph = trace(run, inputs);
  return {
    ...graph,
    inputs: graph.inputs.filter(({ name }) => !(name in shapes)),
    initializers: [
      ...graph.initializers,
      ...Object.entries(shapes).map(([name, shape]) => {
        const { buffer, byteOffset, byteLength } = parameters[name]!;
        return { name, dtype: 'float32' as const, shape, data: new Uint8Array(buffer, byteOffset, byteLength) };
      }),
    ],
  };
}

function float32(shapes: Shapes): Record<string, TensorSpec> {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' }]));
}

function next(state: NamedTensors): NamedTensors {
  return Object.fromEntries(Object.entries(state).map(([name, tensor]) => [`next.${name}`, tensor]));
}

function lossAndGradients(config: LanguageModelConfig, inputs: NamedTensors) {
  const names = Object.keys(parameterShapes(config));
  const masks = Object.keys(inputs)
    .filter((name) => name.startsWith('dropout.'))
    .map((name) => inputs[name]!);
  let outputs: NamedTensors = {};
  const loss = (...values: tf.Tensor[]): tf.Scalar => {
    const parameters = Object.fromEntries(names.map((name, k) => [name, values[k]!]));
    const { features, state } = recurrentFeatures(config, parameters, inputs.ids as tf.Tensor2D, inputs, masks);
    const logits = outputLogits(config, parameters, features);
    const tokenLosses = sparseSoftmaxCrossEntropy(logits, inputs.targets as tf.Tensor1D);
    outputs = { ...next(state), tokenLosses };
    // What is differentiated lives in a scope of its own, which the other results must outlive.
    for (const tensor of Object.values(outputs)) tf.keep(tensor);
    return tf.sum(tf.mul(tokenLosses, inputs.lossWeights!));
  };
  const gradients = tf.grads(loss)(names.map((name) => inputs[name]!));
  for (const [name, kept] of Object.entries(outputs)) {
    outputs[name] = tf.clone(kept); // of the caller's scope, like every other result
    kept.dispose();
  }
  return { outputs, gradients: Object.fromEntries(names.map((name, k) => [name, gradients[k]!])) as NamedTensors };
}
