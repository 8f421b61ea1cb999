/**
 * The programs of a compiled model: its training step and its prediction, over named tensors. A first run finds
 * everything that a run changes (weights, moving averages, the optimizer's state); this becomes resident.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { type NamedTensors, type Program, type TensorSpec, trace } from '@unroll/core';
import { nextOf } from '@unroll/core/onnx';
import { UnrollError } from '../errors.js';
import { drawnName, type HostTensors, observeHostTensors, substituteHostTensors } from './host-tensors.js';
import { withLearningRate } from './learning-rate.js';
import { batchLoss, type Loss, lossFunctions } from './loss.js';
import type { Model } from './model.js';
import { withVariables } from './variables.js';

export interface CompiledStep {
  readonly program: Program;
  /** The variables that are inputs, by the names of their residents. */
  readonly variables: ReadonlyMap<string, tf.Variable>;
  readonly host: HostTensors;
  readonly outputShapes: readonly (readonly number[])[];
}

type Specs = Readonly<Record<string, TensorSpec>>;
type Body = (inputs: NamedTensors) => NamedTensors;

export interface BatchSpecs {
  readonly inputs: readonly TensorSpec[];
  readonly labels: readonly TensorSpec[];
}

/** The name of a variable's resident. */
function residentName({ name }: tf.Variable): string {
  return `variable.${name}`;
}

/**
 * Builds the program of one step. Inputs: `inputs.k`, `labels.k`, `learningRate`, the variables and the drawn tensors.
 * Outputs: `loss` and the new values of what the step updates.
 */
export function modelTrainingProgram(
  model: Model,
  loss: Loss,
  optimizer: tf.Optimizer,
  batch: BatchSpecs,
): CompiledStep {
  const specs = { ...numbered('inputs', batch.inputs), ...numbered('labels', batch.labels), learningRate: scalar };
  const body: Body = (tensors) => {
    const labels = tensorsOf('labels', batch.labels, tensors);
    const minimized = () => {
      const predictions = model.forward(tensorsOf('inputs', batch.inputs, tensors), true);
      return batchLoss(
        lossFunctions(loss, predictions.length, model.isLayersModel),
        labels,
        predictions,
        model.penalties(),
      );
    };
    const value = withLearningRate(optimizer, tensors.learningRate!, () =>
      optimizer.minimize(minimized, true, model.trainable),
    );
    return { loss: value! };
  };
  return stepProgram(body, specs, []);
}

/** Builds the prediction. Inputs: `inputs.k` and these variables. Outputs: `predictions.k`. */
export function predictionProgram(
  model: Model,
  inputs: readonly TensorSpec[],
  variables: readonly tf.Variable[],
): CompiledStep {
  const body: Body = (tensors) => {
    const predictions = model.forward(tensorsOf('inputs', inputs, tensors), false);
    return Object.fromEntries(predictions.map((tensor, k) => [`predictions.${k}`, tensor]));
  };
  return stepProgram(body, numbered('inputs', inputs), variables);
}

const scalar: TensorSpec = { shape: [], dtype: 'float32' };

function numbered(prefix: string, specs: readonly TensorSpec[]): Specs {
  return Object.fromEntries(specs.map((spec, k) => [`${prefix}.${k}`, spec]));
}

function tensorsOf(prefix: string, specs: readonly TensorSpec[], tensors: NamedTensors): tf.Tensor[] {
  return specs.map((_, k) => tensors[`${prefix}.${k}`]!);
}

function stepProgram(body: Body, specs: Specs, known: readonly tf.Variable[]): CompiledStep {
  const { host, updated, outputShapes } = observe(body, specs);
  const variables = new Map([...known, ...updated].map((variable) => [residentName(variable), variable]));
  const drawn = host.drawn.map(({ shape }, k) => [drawnName(k), { shape, dtype: 'float32' }] as const);
  const program: Program = {
    inputs: { ...specs, ...variableSpecs(variables), ...Object.fromEntries(drawn) },
    run: (inputs) => {
      const values = new Map([...variables].map(([name, variable]) => [variable, inputs[name]!]));
      const { result, assigned } = withVariables(values, () => substituteHostTensors(host, inputs, () => body(inputs)));
      const next = [...assigned].map(([variable, value]) => [nextOf(residentName(variable)), value] as const);
      return { ...result, ...Object.fromEntries(next) };
    },
  };
  return { program, variables, host, outputShapes };
}

interface Observed {
  readonly host: HostTensors;
  /** The variables that the run assigns to. */
  readonly updated: readonly tf.Variable[];
  readonly outputShapes: readonly (readonly number[])[];
}

/** Makes a first run. It is on the tracer's backend, where it costs little; its graph is discarded. */
function observe(body: Body, specs: Specs): Observed {
  const found: Observed[] = [];
  trace((inputs) => {
    let outputs: NamedTensors = {};
    const { assigned, result } = withVariables(new Map(), () =>
      observeHostTensors(() => {
        outputs = body(inputs);
      }),
    );
    const outputShapes = Object.values(outputs).map(({ shape }) => shape);
    found.push({ host: result, updated: [...assigned.keys()], outputShapes });
    return {};
  }, specs);
  return found[0]!;
}

function variableSpecs(variables: ReadonlyMap<string, tf.Variable>): Specs {
  return Object.fromEntries(
    [...variables].map(([name, { name: variable, shape, dtype }]) => {
      if (dtype === 'float32') return [name, { shape, dtype }];
      throw new UnrollError(`variable '${variable}' has dtype ${dtype}; what is trained must be float32`);
    }),
  );
}
