/**
 * The interface of every model that can be trained, by one process or by several workers: its parameters, the state
 * that it carries from batch to batch, and the programs of a training step.
 */
import type { Shapes } from '../tensors/shapes.js';
import type { UpdateRecipe } from './clipped-update.js';
import { type LossFunction, lossGradientProgram, lossTrainingProgram } from './loss-program.js';
import type { Program } from './program.js';

/** Named dimensions of a batch, such as `batch` and `time`. Each combination that occurs is compiled once. */
export type BatchDimensions = Readonly<Record<string, number>>;

export interface Trainable {
  /** The shapes of the parameters by name. */
  readonly parameters: Shapes;
  /**
   * Returns the shapes of the recurrent state that some lanes of the batch carry from each batch to the next, by name,
   * `[lanes, width]` each. It is empty for a model whose batches do not depend on each other. The state is zero where an
   * epoch begins, unless it is that of {@link statistics}.
   */
  stateShapes(lanes: number): Shapes;
  /**
   * The shapes of what a model computes in training and does not train, by name, such as the moving averages of batch
   * normalization. Each lane carries a copy of all as its state, flattened, from epoch to epoch. Those of lane 0 are the
   * model's, so they are of the batches of the worker that has it. Absent if there are none.
   */
  readonly statistics?: Shapes;
  /**
   * Returns the program of one update. Its inputs are the parameters, the optimizer's slots, the state, a batch, and
   * the scalars `learningRate`, `step` (1 for the first) and, for NT-ASGD, `averagingWeight`. It outputs `next.*` of
   * parameters, slots and state, `gradientNorm`, before clipping, and the losses.
   * @param room the greatest lengths of the {@link lists} in one run; default all rows of the batch
   */
  updateProgram(shape: BatchDimensions, recipe: UpdateRecipe, room?: readonly number[]): Program;
  /**
   * Returns the program of gradients for others to apply. Its inputs are the parameters, the state and a batch. It
   * outputs `gradient.*` of the parameters, `next.*` of the state, and the losses.
   */
  gradientProgram(shape: BatchDimensions, room?: readonly number[]): Program;
  /**
   * Returns {@link gradientProgram} with gradients of few rows: for the parameter `embedding.embeddings` it outputs
   * `gradientRows.*`, a row for each of the input `ids`. Absent if all gradients are dense.
   */
  rowGradientProgram?(shape: BatchDimensions, room?: readonly number[]): Program;
  /**
   * Names inputs whose lengths vary from batch to batch. They list rows of the batch; programs have a fixed room for
   * them, and −1 fills what is left of it.
   */
  readonly lists?: readonly string[];
  /**
   * Names the parameters of the output layer, whose gradients can be computed before those of all others. Absent if
   * they are not separate.
   */
  readonly outputLayer?: readonly string[];
}

/**
 * Makes a loss trainable. The model carries no state.
 * @param lossOf returns the loss over batches of a shape; it outputs `loss`, the scalar that is minimised
 */
export function trainableLoss(parameters: Shapes, lossOf: (shape: BatchDimensions) => LossFunction): Trainable {
  return {
    parameters,
    stateShapes: () => ({}),
    updateProgram: (shape, recipe) => lossTrainingProgram(lossOf(shape), recipe),
    gradientProgram: (shape) => lossGradientProgram(lossOf(shape)),
  };
}
