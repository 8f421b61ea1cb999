/**
 * `compile`: trains a TensorFlow.js model with steps that ONNX Runtime runs. The model's own code, its gradients and
 * the optimizer are traced into one graph for each batch shape. Weights and optimizer state stay on the engine.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type TensorSpec, TraceError } from '@unroll/core';
import { type Random, seededRandom } from '@unroll/core/decoding';
import type { Engine, Executable, Residents } from '../engines/engine.js';
import { RecentExecutables } from '../engines/recent-executables.js';
import { selectEngine } from '../engines/select.js';
import { UnrollError } from '../errors.js';
import { drawnName } from './host-tensors.js';
import { countUpdates, learningRateOf } from './learning-rate.js';
import type { Loss } from './loss.js';
import { type Model, type ModelFunction, modelOf, oneOrAll } from './model.js';
import { type CompiledStep, modelTrainingProgram, predictionProgram } from './program.js';

export interface CompileOptions {
  /** Engine that runs the steps. Default: ONNX Runtime on all cores of the CPU. */
  readonly engine?: Engine;
  /** Seed of dropout and other noise, in [0, 2^53). Default: 0. */
  readonly seed?: number;
}

type Tensors = tf.Tensor | tf.Tensor[];
type FedValues = Record<string, Float32Array | Int32Array>;

interface Session extends CompiledStep {
  readonly executable: Executable;
}

/**
 * Compiles `model` for training.
 *
 * @param model a `tf.LayersModel`, or a function over tensors that closes over the variables to train
 * @param loss the same as for `model.compile` of TensorFlow.js: a name, a function `(labels, predictions)`, or one for
 *   each output
 * @param optimizer a `tf.train` optimizer. It continues from its current state; a learning rate that is set on it later
 *   applies from the next step on.
 * @throws UnrollError if the model, the loss or the engine cannot be used. A model's operation without an ONNX
 *   counterpart is found, and named, when the first batch comes.
 * @example
 * const step = await compile(model, 'meanSquaredError', tf.train.adam(1e-3));
 * const { loss } = await step.run(xs, ys);
 * await step.writeBack();
 */
export async function compile(
  model: LayersModel | ModelFunction,
  loss: Loss,
  optimizer: tf.Optimizer,
  { engine, seed = 0 }: CompileOptions = {},
): Promise<CompiledModel> {
  requireOptimizer(optimizer);
  return new CompiledModel(modelOf(model), loss, optimizer, engine ?? (await selectEngine('onnxruntime')), seed);
}

/** @throws UnrollError unless it is an optimizer of TensorFlow.js */
function requireOptimizer(optimizer: unknown): void {
  if (typeof optimizer === 'object' && optimizer instanceof tf.Optimizer) return;
  const given = optimizer === undefined ? 'there is no optimizer' : `the optimizer is ${JSON.stringify(optimizer)}`;
  throw new UnrollError(`${given}; call compile(model, loss, optimizer) with one such as tf.train.adam(1e-3)`);
}

/** A model that trains and predicts on an engine. Calls must not overlap. */
export class CompiledModel {
  readonly #model: Model;
  readonly #loss: Loss;
  readonly #optimizer: tf.Optimizer;
  readonly #engine: Engine;
  readonly #random: Random;
  readonly #variables = new Map<string, tf.Variable>();
  readonly #residents: Residents[] = [];
  readonly #sessions = new RecentExecutables<Session>();
  #steps = 0;
  #stepsWritten = 0;
  #running: string | undefined;
  #isDisposed = false;

  /** For {@link compile} only. */
  constructor(model: Model, loss: Loss, optimizer: tf.Optimizer, engine: Engine, seed: number) {
    this.#model = model;
    this.#loss = loss;
    this.#optimizer = optimizer;
    this.#engine = engine;
    this.#random = seededRandom(seed);
  }

  /**
   * Trains on one batch, as `fit` would on a batch. Compiles first if the batch has a new shape.
   * @param xs [batch, …], or one tensor for each input
   * @param ys [batch, …], or one tensor for each output
   * @returns the loss of the batch before the update, regularizers included
   * @throws UnrollError naming what cannot be compiled
   */
  run(xs: Tensors, ys: Tensors): Promise<{ loss: number }> {
    return this.#alone('run', () => this.#run(xs, ys));
  }

  async #run(xs: Tensors, ys: Tensors): Promise<{ loss: number }> {
    const [inputs, labels] = [[xs].flat(), [ys].flat()];
    const batch = { inputs: inputs.map(specOf), labels: labels.map(specOf) };
    const session = await this.#session(`train ${JSON.stringify(batch)}`, () =>
      modelTrainingProgram(this.#model, this.#loss, this.#optimizer, batch),
    );
    const { loss } = await session.executable.run({
      ...(await fed('inputs', inputs)),
      ...(await fed('labels', labels)),
      learningRate: Float32Array.of(learningRateOf(this.#optimizer)),
      ...this.#drawn(session),
    });
    this.#steps++;
    return { loss: loss![0]! };
  }

  /**
   * Predicts with the current weights, with dropout and the like switched off.
   * @param xs [batch, …], or one tensor for each input
   * @returns [batch, …], or one tensor for each output, to be disposed by the caller
   * @throws UnrollError naming what cannot be compiled
   */
  predict(xs: Tensors): Promise<Tensors> {
    return this.#alone('predict', () => this.#predict(xs));
  }

  async #predict(xs: Tensors): Promise<Tensors> {
    const inputs = [xs].flat();
    const specs = inputs.map(specOf);
    const variables = [...this.#variables.values()];
    // The first training step makes variables resident. A session compiled before it still has them as constants.
    const session = await this.#session(`predict ${variables.length} ${JSON.stringify(specs)}`, () =>
      predictionProgram(this.#model, specs, variables),
    );
    const outputs = await session.executable.run({ ...(await fed('inputs', inputs)), ...this.#drawn(session) });
    const predictions = session.outputShapes.map((shape, k) =>
      tf.tensor(outputs[`predictions.${k}`]!.slice(), [...shape]),
    );
    return oneOrAll(predictions);
  }

  /** Writes weights, moving averages and the optimizer's state back to the TensorFlow.js model and optimizer. */
  writeBack(): Promise<void> {
    return this.#alone('writeBack', () => this.#writeBack());
  }

  async #writeBack(): Promise<void> {
    for (const residents of this.#residents) {
      for (const name of residents.names) {
        const values = await residents.read(name);
        const variable = this.#variables.get(name)!;
        tf.tidy(() => variable.assign(tf.tensor(values.slice(), variable.shape)));
      }
    }
    countUpdates(this.#optimizer, this.#steps - this.#stepsWritten);
    this.#stepsWritten = this.#steps;
  }

  /** Frees the engine's resources. The TensorFlow.js model does not change: call {@link writeBack} first. */
  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    await this.#alone('dispose', () => this.#dispose());
    this.#isDisposed = true;
  }

  /** Runs a call while no other runs, because all share the weights on the engine. */
  async #alone<Result>(name: string, call: () => Promise<Result>): Promise<Result> {
    if (this.#isDisposed) throw new UnrollError(`${name} was called after dispose; compile the model again`);
    if (this.#running) throw new UnrollError(`${name} was called while ${this.#running} runs; await each call first`);
    this.#running = name;
    try {
      return await call();
    } finally {
      this.#running = undefined;
    }
  }

  async #dispose(): Promise<void> {
    await this.#sessions.dispose();
    for (const residents of this.#residents) residents.dispose();
    this.#residents.length = 0;
  }

  async #session(key: string, program: () => CompiledStep): Promise<Session> {
    try {
      return await this.#sessions.get(key, async () => {
        const step = program();
        await this.#allocate(step.variables);
        return { ...step, executable: await this.#engine.compile(step.program, this.#residents) };
      });
    } catch (error) {
      if (!(error instanceof TraceError)) throw error;
      throw new UnrollError(`the model cannot be compiled: ${error.message}`, { cause: error });
    }
  }

  async #allocate(variables: ReadonlyMap<string, tf.Variable>): Promise<void> {
    const values: Parameters<Engine['allocate']>[0] = {};
    for (const [name, variable] of variables) {
      if (this.#variables.has(name)) continue;
      this.#variables.set(name, variable);
      Object.assign(values, { [name]: { shape: variable.shape, values: Float32Array.from(await variable.data()) } });
    }
    if (Object.keys(values).length > 0) this.#residents.push(this.#engine.allocate(values));
  }

  #drawn({ host }: CompiledStep): FedValues {
    return Object.fromEntries(host.drawn.map(({ draw }, k) => [drawnName(k), draw(this.#random, this.#steps)]));
  }
}

function specOf({ shape, dtype }: tf.Tensor): TensorSpec {
  if (dtype === 'float32' || dtype === 'int32') return { shape, dtype };
  throw new UnrollError(`a batch has a tensor of dtype ${dtype}; cast it to float32 or int32`);
}

async function fed(prefix: string, tensors: readonly tf.Tensor[]): Promise<FedValues> {
  const values = await Promise.all(tensors.map(typedValues));
  return Object.fromEntries(values.map((data, k) => [`${prefix}.${k}`, data]));
}

/**
 * Returns a tensor's values in the array type of its dtype. Some kernels of TensorFlow.js's cpu backend leave their
 * results in an array of another type.
 */
async function typedValues(tensor: tf.Tensor): Promise<Float32Array | Int32Array> {
  const data = await tensor.data();
  const Values = tensor.dtype === 'int32' ? Int32Array : Float32Array;
  return data instanceof Values ? data : Values.from(data);
}
