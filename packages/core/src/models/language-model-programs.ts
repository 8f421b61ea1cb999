/**
 * The programs of a language model's life, each a function over named tensors with the specification of its inputs, so
 * that an engine may run it eagerly on a TensorFlow.js backend or trace it into one ONNX graph. An output `next.x`
 * replaces the input `x` in the next run.
 */
import * as tf from '@tensorflow/tfjs-core';
import { sumRowsById } from '../kernels/embedding/lookup.js';
import { combineRows, replaceRows, sumOfSquaresOfRows } from '../kernels/embedding/rows.js';
import { sumOfSquares } from '../kernels/sum-of-squares/sum-of-squares.js';
import type { OnnxGraph } from '../onnx/graph.js';
import { iterate } from '../optimizers/averaged-sgd.js';
import {
  clipScale,
  keepsWithoutGradient,
  type OptimizerConfig,
  optimizerSlots,
  optimizerUpdate,
} from '../optimizers/optimizer.js';
import type { TensorSpec } from '../tracing/trace.js';
import { dropoutMaskShapes } from './dropout-masks.js';
import { graphOfProgram } from './graph-of-program.js';
import {
  embeddingName,
  type LanguageModelConfig,
  parameterShapes,
  type Shapes,
  stateShapes,
} from './language-model-config.js';
import {
  embedTokens,
  type NamedTensors,
  outputLogits,
  outputLosses,
  recurrentFeatures,
} from './language-model-forward.js';
import { candidateInputs, trainingLosses } from './training-losses.js';

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
 * [time·batch], `lossWeights` [time·batch] (what each token's loss counts in the loss that is minimised), the masks of
 * `dropoutMaskShapes`, `learningRate` and `step` (1 for the first) scalars, and `averagingWeight` for NT-ASGD. Outputs:
 * `next.*` of parameters, slots and state, `tokenLosses` [time·batch] in nats, and `gradientNorm`, before clipping.
 */
export function trainingProgram(config: LanguageModelConfig, shape: BatchShape, recipe: UpdateRecipe): Program {
  return {
    inputs: {
      ...gradientInputs(config, shape),
      ...updateInputs(config, recipe),
    },
    run: (inputs) => {
      const { gradients, outputs } = lossAndGradients(config, { ...inputs, ...iterates(config, recipe, inputs) });
      // Where the optimizer changes only the rows of the embedding that were looked up, no table of gradients is made.
      const byRows = keepsWithoutGradient(recipe.optimizer) && !config.tieWeights;
      const update = byRows
        ? clippedUpdate(recipe, inputs, gradients.dense, gradients.embeddingRows)
        : clippedUpdate(recipe, inputs, withEmbedding(config, gradients));
      return { ...outputs, ...update };
    },
  };
}

/** What an update takes besides parameters and gradients. */
export function updateInputs(config: LanguageModelConfig, { optimizer }: UpdateRecipe): Program['inputs'] {
  const scalars = ['learningRate', 'step', ...(optimizer.name === 'nt-asgd' ? ['averagingWeight'] : [])];
  return float32({
    ...slotShapes(optimizer, parameterShapes(config)),
    ...Object.fromEntries(scalars.map((name) => [name, []])),
  });
}

/** The parameters at which the optimizer wants the gradient, where those are not the model's own. */
export function iterates(config: LanguageModelConfig, { optimizer }: UpdateRecipe, inputs: NamedTensors): NamedTensors {
  if (optimizer.name !== 'nt-asgd') return {};
  return Object.fromEntries(
    Object.keys(parameterShapes(config)).map((name) => [
      name,
      iterate(inputs[name]!, slotsOf(optimizer, name, inputs)),
    ]),
  );
}

function slotsOf(optimizer: OptimizerConfig, parameter: string, inputs: NamedTensors): NamedTensors {
  return Object.fromEntries(optimizerSlots(optimizer).map((slot) => [slot, inputs[slotName(slot, parameter)]!]));
}

/** `next.*` of the parameters that have gradients and of their slots, and `gradientNorm`, before clipping. */
export function clippedUpdate(
  { optimizer, clipNorm }: UpdateRecipe,
  inputs: NamedTensors,
  gradients: NamedTensors,
  embeddingRows?: EmbeddingRows,
): NamedTensors {
  const combined = embeddingRows && combineRows(embeddingRows.gradients, embeddingRows.ids);
  const squares = Object.values(gradients).map((gradient) => sumOfSquares(gradient));
  if (combined) squares.push(sumOfSquaresOfRows(embeddingRows.gradients, combined));
  const total = squares.reduce((sum, term) => tf.add(sum, term));
  const scale = clipScale(total, clipNorm);
  const update = (parameter: tf.Tensor, gradient: tf.Tensor, slots: NamedTensors) =>
    optimizerUpdate(optimizer, {
      parameter,
      gradient: tf.mul(gradient, scale),
      slots,
      learningRate: inputs.learningRate as tf.Scalar,
      step: inputs.step as tf.Scalar,
      averagingWeight: inputs.averagingWeight as tf.Scalar | undefined,
    });
  const outputs: NamedTensors = { gradientNorm: tf.sqrt(total) };
  for (const [name, gradient] of Object.entries(gradients)) {
    const updated = update(inputs[name]!, gradient, slotsOf(optimizer, name, inputs));
    outputs[`next.${name}`] = updated.parameter;
    for (const [slot, value] of Object.entries(updated.slots)) outputs[`next.${slotName(slot, name)}`] = value;
  }
  if (combined) {
    const table = inputs[embeddingName] as tf.Tensor2D;
    const { ids } = embeddingRows;
    const tables = slotsOf(optimizer, embeddingName, inputs);
    const rows = Object.fromEntries(Object.entries(tables).map(([slot, values]) => [slot, tf.gather(values, ids)]));
    const updated = update(tf.gather(table, ids), combined, rows);
    outputs[`next.${embeddingName}`] = replaceRows(table, ids, updated.parameter as tf.Tensor2D);
    for (const [slot, values] of Object.entries(updated.slots)) {
      const replaced = replaceRows(tables[slot] as tf.Tensor2D, ids, values as tf.Tensor2D);
      outputs[`next.${slotName(slot, embeddingName)}`] = replaced;
    }
  }
  return outputs;
}

/** The training step's inputs without the optimizer's, and `gradient.*` outputs. */
export function gradientProgram(config: LanguageModelConfig, shape: BatchShape): Program {
  return {
    inputs: gradientInputs(config, shape),
    run: (inputs) => {
      const { gradients, outputs } = lossAndGradients(config, inputs);
      return { ...outputs, ...gradientOutputs(withEmbedding(config, gradients)) };
    },
  };
}

/**
 * What a data-parallel worker runs: {@link gradientProgram}, but that an embedding with no second use, of whose gradient nearly
 * all rows are zero, has instead of `gradient.x` an output `gradientRows.x` [time·batch, embedding]: a row for each of `ids`, of
 * which those with the same id are yet to be added up.
 */
export function rowGradientProgram(config: LanguageModelConfig, shape: BatchShape): Program {
  if (config.tieWeights) return gradientProgram(config, shape);
  return {
    inputs: gradientInputs(config, shape),
    run: (inputs) => {
      const { gradients, outputs } = lossAndGradients(config, inputs);
      const { gradients: rows } = gradients.embeddingRows;
      return { ...outputs, ...gradientOutputs(gradients.dense), [`gradientRows.${embeddingName}`]: rows };
    },
  };
}

function gradientInputs(config: LanguageModelConfig, shape: BatchShape): Program['inputs'] {
  const rows = shape.time * shape.batch;
  return {
    ...float32(parameterShapes(config)),
    ...float32(stateShapes(config, shape.batch)),
    ids: { shape: [shape.time, shape.batch], dtype: 'int32' },
    targets: { shape: [rows], dtype: 'int32' },
    lossWeights: { shape: [rows], dtype: 'float32' },
    ...candidateInputs(config, rows),
    ...float32(dropoutMaskShapes(config, shape.batch, shape.time)),
  };
}

function gradientOutputs(gradients: NamedTensors): NamedTensors {
  return Object.fromEntries(Object.entries(gradients).map(([name, gradient]) => [`gradient.${name}`, gradient]));
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
      const embedded = embedTokens(inputs, inputs.ids as tf.Tensor2D);
      const { features, state } = recurrentFeatures(config, inputs, embedded, inputs);
      return { ...next(state), tokenLosses: outputLosses(config, inputs, features, inputs.targets as tf.Tensor1D) };
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
      const embedded = embedTokens(inputs, tf.reshape(inputs.ids!, [1, 1]));
      const { features, state } = recurrentFeatures(config, inputs, embedded, inputs);
      return { ...next(state), logits: outputLogits(config, inputs, features) };
    },
  };
}

/** The decoding step as an ONNX graph that carries its parameters, as initializers named like them. */
export function languageModelStepGraph(
  config: LanguageModelConfig,
  parameters: Readonly<Record<string, Float32Array>>,
): OnnxGraph {
  return graphOfProgram(decodingProgram(config), parameterShapes(config), parameters);
}

function float32(shapes: Shapes): Record<string, TensorSpec> {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' }]));
}

function next(state: NamedTensors): NamedTensors {
  return Object.fromEntries(Object.entries(state).map(([name, tensor]) => [`next.${name}`, tensor]));
}

/** Of the embeddings that were looked up, one a token: their gradients [time·batch, embedding] and whose they are. */
interface EmbeddingRows {
  readonly gradients: tf.Tensor2D;
  readonly ids: tf.Tensor1D;
}

interface Gradients {
  /** By parameter; of the embedding only if it has a second use, as the output's weights, and then of that use. */
  readonly dense: NamedTensors;
  readonly embeddingRows: EmbeddingRows;
}

/** Gradients by parameter, the embedding's as a table. */
function withEmbedding(config: LanguageModelConfig, { dense, embeddingRows }: Gradients): NamedTensors {
  const { gradients, ids } = embeddingRows;
  const table = sumRowsById(gradients, ids, [config.vocabSize, config.embeddingDim]);
  const shared = dense[embeddingName];
  return { ...dense, [embeddingName]: shared ? tf.add(shared, table) : table };
}

function lossAndGradients(
  config: LanguageModelConfig,
  inputs: NamedTensors,
): { outputs: NamedTensors; gradients: Gradients } {
  const names = Object.keys(parameterShapes(config)).filter((name) => name !== embeddingName || config.tieWeights);
  let outputs: NamedTensors = {};
  const loss = (embedded: tf.Tensor, ...values: tf.Tensor[]): tf.Scalar => {
    const parameters = Object.fromEntries(names.map((name, k) => [name, values[k]!]));
    const { features, state } = recurrentFeatures(config, parameters, embedded as tf.Tensor3D, inputs, inputs);
    const { tokenLosses, objectives } = trainingLosses(config, parameters, features, inputs);
    outputs = { ...next(state), tokenLosses };
    // What is differentiated lives in a scope of its own, which the other results must outlive.
    for (const tensor of Object.values(outputs)) tf.keep(tensor);
    return tf.sum(tf.mul(objectives, inputs.lossWeights!));
  };
  const ids = inputs.ids as tf.Tensor2D;
  const [rows, ...values] = tf.grads(loss)([embedTokens(inputs, ids), ...names.map((name) => inputs[name]!)]);
  for (const [name, kept] of Object.entries(outputs)) {
    outputs[name] = tf.clone(kept); // of the caller's scope, like every other result
    kept.dispose();
  }
  const embeddingRows = {
    gradients: tf.reshape<tf.Rank.R2>(rows!, [ids.size, config.embeddingDim]),
    ids: tf.reshape<tf.Rank.R1>(ids, [ids.size]),
  };
  return {
    outputs,
    gradients: { dense: Object.fromEntries(names.map((name, k) => [name, values[k]!])), embeddingRows },
  };
}
