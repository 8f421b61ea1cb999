/**
 * A TensorFlow.js model and its loss as a trainable model: the model's own code is traced, with the parameters in place
 * of its variables. `compile` does the same for an optimizer of TensorFlow.js.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type NamedTensors, type Program, type Shapes, type TensorSpec, trace } from '@unroll/core';
import { seededRandom } from '@unroll/core/decoding';
import { type BatchDimensions, float32Inputs, type Trainable, updateProgram } from '@unroll/core/internal';
import { gradientOf, nextOf } from '@unroll/core/onnx';
import { drawnName, type HostTensors, observeHostTensors, substituteHostTensors } from '../compile/host-tensors.js';
import { type Loss, lossFunctions, requireLabels } from '../compile/loss.js';
import { type Model, type ModelFunction, modelOf } from '../compile/model.js';
import { withVariables } from '../compile/variables.js';
import { firstLine, UnrollError } from '../errors.js';
import type { Inputs } from '../training/learners/batch-source.js';

/** The findings of a first run of a training step. */
interface Observed {
  readonly host: HostTensors;
  readonly hasLossByExample: boolean;
  /** The variables that the step assigns to. */
  readonly assigned: ReadonlySet<tf.Variable>;
}

/** The shapes of one example's tensors, and their types. */
export interface ExampleSpecs {
  readonly xs: readonly TensorSpec[];
  readonly ys: readonly TensorSpec[];
}

export interface OwnModel {
  readonly model: LayersModel | ModelFunction;
  /** The variables that a function closes over, by the names of their parameters; a layers model has its own. */
  readonly variables?: Readonly<Record<string, tf.Variable>> | undefined;
  /** As for `model.compile` of TensorFlow.js. */
  readonly loss: Loss;
}

export class TrainableModel implements Trainable {
  readonly parameters: Shapes;
  /** The shapes of what the model changes while it trains, beside its parameters: moving averages. */
  readonly statistics?: Shapes;
  /** The variables by the names of their parameters and statistics. */
  readonly variables: ReadonlyMap<string, tf.Variable>;
  readonly #trained: ReadonlyMap<string, tf.Variable>;
  readonly #moving: ReadonlyMap<string, tf.Variable>;
  readonly #model: Model;
  readonly #loss: Loss;
  readonly #specs: ExampleSpecs;
  /** The ranks of the losses that were computed last. */
  #ranks: readonly number[] = [];
  readonly #observed = new Map<number, Observed>();

  /** @throws UnrollError for a model that cannot be trained, or that has nothing to train */
  constructor({ model, variables, loss }: OwnModel, specs: ExampleSpecs) {
    this.#model = modelOf(model);
    this.#loss = loss;
    this.#specs = specs;
    const named = typeof model === 'function' ? namedVariables(variables) : weightsOf(model);
    const { trainable } = this.#model;
    const isTrained = (variable: tf.Variable) => trainable?.includes(variable) ?? variable.trainable;
    const others = [...named].filter(([, variable]) => !isTrained(variable));
    this.#trained = new Map([...named].filter(([, variable]) => isTrained(variable)));
    if (this.#trained.size === 0)
      throw new UnrollError('the model has no trainable weights; there is nothing to train');
    const assigned = others.length > 0 ? this.#observe(1).assigned : new Set();
    this.#moving = new Map(others.filter(([, variable]) => assigned.has(variable)));
    this.variables = new Map([...this.#trained, ...this.#moving]);
    this.parameters = shapesOf(this.#trained);
    if (this.#moving.size > 0) this.statistics = shapesOf(this.#moving);
  }

  /** The lanes carry the statistics, flattened. Models that carry other state from batch to batch are refused. */
  stateShapes(lanes: number): Shapes {
    return Object.fromEntries([...this.#moving].map(([name, { size }]) => [name, [lanes, size]]));
  }

  updateProgram(shape: BatchDimensions, recipe: Parameters<typeof updateProgram>[2]): Program {
    return updateProgram(this.parameters, this.gradientProgram(shape), recipe);
  }

  gradientProgram({ batch }: BatchDimensions): Program {
    const specs = this.#batchSpecs(batch!);
    const { host, assigned: changed } = this.#observe(batch!);
    const moving = new Set(this.#moving.values());
    for (const variable of changed) if (!moving.has(variable)) throw unnamedStatistic(variable);
    const drawn = host.drawn.map(({ shape }, k) => [drawnName(k), { shape, dtype: 'float32' }] as const);
    const list = [...this.#trained.values()];
    const states = float32Inputs(this.stateShapes(batch!));
    return {
      inputs: { ...float32Inputs(this.parameters), ...states, ...specs, ...Object.fromEntries(drawn) },
      run: (inputs) => {
        const ofLane = [...this.#moving].map(([name, { shape, size }]) => {
          return [name, tf.reshape(tf.slice(inputs[name]!, [0, 0], [1, size]), shape)] as const;
        });
        const { result, assigned } = withVariables(this.#valuesIn({ ...inputs, ...Object.fromEntries(ofLane) }), () =>
          substituteHostTensors(host, inputs, () => tf.variableGrads(() => this.#lossOf(inputs, true), list)),
        );
        const gradients = [...this.#trained].map(([name, variable]) => [
          gradientOf(name),
          result.grads[variable.name]!,
        ]);
        const statistics = [...this.#moving].map(([name, variable]) => {
          const lane = tf.reshape(assigned.get(variable)!, [1, variable.size]);
          return [nextOf(name), tf.tile(lane, [batch!, 1])];
        });
        return { ...Object.fromEntries([...gradients, ...statistics]), loss: result.value };
      },
    };
  }

  /** The program of the loss without training: dropout and the like are switched off. */
  evaluationProgram(batch: number): Program {
    return {
      inputs: { ...float32Inputs(shapesOf(this.variables)), ...this.#batchSpecs(batch) },
      run: (inputs) => ({ loss: withVariables(this.#valuesIn(inputs), () => this.#lossOf(inputs, false)).result }),
    };
  }

  /** The program of the predictions for so many examples. Its inputs are `xs.k`, its outputs `predictions.k`. */
  predictionProgram(batch: number): Program {
    const { xs } = this.#specs;
    const specs = numbered('xs', xs, batch);
    return {
      inputs: { ...float32Inputs(shapesOf(this.variables)), ...specs },
      run: (inputs) => {
        const { result } = withVariables(this.#valuesIn(inputs), () =>
          this.#model.forward(tensorsOf('xs', xs, inputs), false),
        );
        return Object.fromEntries(result.map((tensor, k) => [`predictions.${k}`, tensor]));
      },
    };
  }

  /**
   * Draws the random tensors of a training step, such as dropout masks. They are a function of the seed, the batch's
   * number and its first lane.
   */
  drawn(batch: number, { seed, index, lane }: { seed: number; index: number; lane: number }): Inputs {
    const random = seededRandom((seed * 1_000_003 + index * 8_191 + lane) % 2 ** 52);
    const { drawn } = this.#observe(batch).host;
    return Object.fromEntries(drawn.map(({ draw }, k) => [drawnName(k), draw(random, index)]));
  }

  /** Whether the loss of so many examples has a value for each, not one for all. */
  hasLossByExample(batch: number): boolean {
    return this.#observe(batch).hasLossByExample;
  }

  /** Returns the tensors to put in the places of the variables. */
  #valuesIn(inputs: NamedTensors): Map<tf.Variable, tf.Tensor> {
    return new Map([...this.variables].map(([name, variable]) => [variable, inputs[name]!]));
  }

  /** The tensors of so many examples, and their weights in the mean. */
  #batchSpecs(batch: number): Record<string, TensorSpec> {
    const { xs, ys } = this.#specs;
    return {
      ...numbered('xs', xs, batch),
      ...numbered('ys', ys, batch),
      weights: { shape: [batch], dtype: 'float32' },
      share: { shape: [], dtype: 'float32' },
    };
  }

  #lossOf(inputs: NamedTensors, training: boolean): tf.Scalar {
    const predictions = this.#model.forward(tensorsOf('xs', this.#specs.xs, inputs), training);
    const labels = tensorsOf('ys', this.#specs.ys, inputs);
    requireLabels(labels.length, predictions.length);
    const lossOfEach = lossFunctions(this.#loss, predictions.length, this.#model.isLayersModel);
    const losses = lossOfEach.map((loss, k) => loss(labels[k]!, predictions[k]!));
    this.#ranks = losses.map(({ rank }) => rank);
    const data = losses.map((loss) => weightedMean(loss, inputs.weights!, inputs.share!));
    const penalties = training ? this.#model.penalties().map((penalty) => tf.mul(penalty, inputs.share!)) : [];
    return tf.addN([...data, ...penalties]) as tf.Scalar;
  }

  /** Finds the random tensors of a training step by a first run, on the tracer's backend, whose graph is discarded. */
  #observe(batch: number): Observed {
    const known = this.#observed.get(batch);
    if (known) return known;
    const found: Observed[] = [];
    try {
      trace((inputs) => {
        const list = [...this.#trained.values()];
        const { assigned, result } = withVariables(new Map(), () =>
          observeHostTensors(() => void tf.variableGrads(() => this.#lossOf(inputs, true), list)),
        );
        const hasLossByExample = this.#ranks.every((rank) => rank > 0);
        found.push({ host: result, hasLossByExample, assigned: new Set(assigned.keys()) });
        return {};
      }, this.#batchSpecs(batch));
    } catch (error) {
      if (error instanceof UnrollError) throw error;
      // The error is of the user's model, or names what of it cannot be traced.
      throw new UnrollError(`the model cannot be trained: ${firstLine(error)}`, { cause: error });
    }
    this.#observed.set(batch, found[0]!);
    return found[0]!;
  }
}

function numbered(prefix: string, specs: readonly TensorSpec[], batch: number): Record<string, TensorSpec> {
  return Object.fromEntries(
    specs.map(({ shape, dtype }, k) => [`${prefix}.${k}`, { shape: [batch, ...shape], dtype }]),
  );
}

function tensorsOf(prefix: string, specs: readonly TensorSpec[], inputs: NamedTensors): tf.Tensor[] {
  return specs.map((_, k) => inputs[`${prefix}.${k}`]!);
}

/**
 * Returns a loss's mean over the examples. A loss without a value for each example is the mean of these lanes' examples
 * already.
 */
function weightedMean(loss: tf.Tensor, weights: tf.Tensor, share: tf.Tensor): tf.Tensor {
  if (loss.rank === 0) return tf.mul(loss, share);
  const [batch] = loss.shape;
  const ofExamples = loss.rank === 1 ? loss : tf.mean(tf.reshape(loss, [batch!, -1]), 1);
  return tf.sum(tf.mul(ofExamples, weights));
}

function unnamedStatistic({ name }: tf.Variable): UnrollError {
  return new UnrollError(
    `the model changes '${name}' while it trains; make it a variable that is not trainable, and give it a name among \`variables\``,
  );
}

function shapesOf(variables: ReadonlyMap<string, tf.Variable>): Shapes {
  return Object.fromEntries([...variables].map(([name, { shape }]) => [name, shape]));
}

function namedVariables(variables: OwnModel['variables']): Map<string, tf.Variable> {
  if (variables) return new Map(Object.entries(variables));
  throw new UnrollError(
    'a model that is a function needs `variables`: the variables to train, by names of your choice',
  );
}

/** Names the weights of a layers model by their layers' places, so that they are the same in every process. */
function weightsOf(model: LayersModel): Map<string, tf.Variable> {
  const named = new Map<string, tf.Variable>();
  for (const [place, layer] of model.layers.entries()) {
    for (const weight of layer.weights) {
      const name = `${place}.${weight.originalName.split('/').at(-1)}`;
      const others = [...named.keys()].filter((other) => other.split('#')[0] === name).length;
      named.set(others === 0 ? name : `${name}#${others}`, weight.read() as tf.Variable);
    }
  }
  return named;
}
