/** Losses by the names of `model.compile` of TensorFlow.js, and the loss of a batch as its `fit` computes it. */
import * as tf from '@tensorflow/tfjs-core';
import { input, layers, model as layersModel, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { firstLine, UnrollError } from '../errors.js';

/** Returns the loss of each example, or their mean. */
export type LossFunction = (labels: tf.Tensor, predictions: tf.Tensor) => tf.Tensor;

/** One loss for all outputs of the model, or one for each. A string is a name such as `meanSquaredError`. */
export type Loss = string | LossFunction | readonly (string | LossFunction)[];

/**
 * Returns the loss function of each of the model's outputs.
 * @param isStrict whether losses by name take and refuse labels as `fit` does
 * @throws UnrollError if TensorFlow.js has no loss of that name, or if the numbers of losses and outputs differ
 */
export function lossFunctions(loss: Loss, outputs: number, isStrict: boolean): LossFunction[] {
  const losses = typeof loss === 'string' || typeof loss === 'function' ? Array<typeof loss>(outputs).fill(loss) : loss;
  if (losses.length !== outputs) {
    throw new UnrollError(
      `${losses.length} losses were given for ${outputs} outputs; give one for each, or one for all`,
    );
  }
  return losses.map((each) => {
    if (typeof each !== 'string') return each;
    return isStrict ? comparing(each, lossByName(each)) : lossByName(each);
  });
}

/** Wraps a loss so that it does not compare labels of one shape with predictions of another, which would broadcast. */
function comparing(name: string, loss: LossFunction): LossFunction {
  const isSparse = name === 'sparseCategoricalCrossentropy';
  return (labels, predictions) => {
    const given = labels.rank === 1 ? tf.expandDims(labels, 1) : labels;
    const expected = isSparse ? [...predictions.shape.slice(0, -1), 1] : predictions.shape;
    if (given.shape.join() === expected.join()) return loss(given, predictions);
    const classes = !isSparse && given.shape.at(-1) === 1 && expected.at(-1)! > 1;
    throw new UnrollError(
      `${name}: labels of the shape [${labels.shape.join(', ')}] do not fit the model's output [${predictions.shape.join(', ')}]; ` +
        `give [${expected.join(', ')}]${classes ? ', or sparseCategoricalCrossentropy if they are numbers of classes' : ''}`,
    );
  };
}

/** Finds TensorFlow.js's loss of this name. Losses are exported only through `model.compile`, so an empty model requests it. */
function lossByName(name: string): LossFunction {
  const inputs = input({ shape: [1] });
  const model = layersModel({
    inputs,
    outputs: layers.flatten().apply(layers.reshape({ targetShape: [1, 1] }).apply(inputs)) as SymbolicTensor,
  });
  try {
    model.compile({ loss: name, optimizer: 'sgd' });
    return model.lossFunctions[0]!;
  } catch (error) {
    throw new UnrollError(
      `${firstLine(error)}; give one of TensorFlow.js's names, such as meanSquaredError or categoricalCrossentropy, or a function`,
      { cause: error },
    );
  } finally {
    model.dispose();
  }
}

/** Returns the batch mean of the sum of the outputs' losses, plus the penalties. */
export function batchLoss(
  losses: readonly LossFunction[],
  labels: readonly tf.Tensor[],
  predictions: readonly tf.Tensor[],
  penalties: readonly tf.Scalar[],
): tf.Scalar {
  requireLabels(labels.length, losses.length);
  const each = losses.map((loss, k) => loss(labels[k]!, predictions[k]!));
  const total = tf.mean(each.reduce((sum, term) => tf.add(sum, term)));
  return penalties.reduce<tf.Tensor>((sum, penalty) => tf.add(sum, penalty), total) as tf.Scalar;
}

/** @throws UnrollError unless there are labels for each output */
export function requireLabels(labels: number, outputs: number): void {
  if (labels === outputs) return;
  throw new UnrollError(`${labels} tensors of labels were given for ${outputs} outputs; give one for each`);
}
