/** A user's own TensorFlow.js model with its examples as a task, which trains like every application. */
import { graphOfProgram } from '@unroll/core';
import { defaultOptimizer, type OptimizerConfig, type OptimizerName, optimizerNames } from '@unroll/core/config';
import type { OnnxValue } from '@unroll/core/onnx';
import type { Arrays } from '../checkpoint/arrays.js';
import { UnrollError, UsageError } from '../errors.js';
import { fingerprintOf } from '../tasks/data-fingerprint.js';
import { batchesInOrder, randomOfEpoch, shuffled } from '../tasks/epochs.js';
import { exampleBatches, weightsInMean } from '../tasks/example-batches.js';
import { everyEpoch, settingsFromCode, withDefaults } from '../tasks/settings.js';
import type { HeldOutData, Task, TaskBundle, TaskSettings, TrainingData } from '../tasks/task.js';
import { storedShapes } from '../tasks/task-checkpoint.js';
import { type Examples, ExampleTable } from './examples.js';
import { type OwnModel, TrainableModel } from './trainable-model.js';

/** A model to train, its examples, and how it is trained. */
export interface ModelTraining extends OwnModel, Partial<Omit<TaskSettings, 'model' | 'optimizer' | 'precision'>> {
  /** The model's name in checkpoints and messages; default `model`. */
  readonly name?: string;
  readonly train: Examples;
  /** The examples whose loss chooses the best epoch; by default those to train on. */
  readonly validation?: Examples;
  /** The examples for `evaluate` when training is done; by default those of `validation`. */
  readonly test?: Examples;
  /** The update rule: a name, or a configuration; default Adam. */
  readonly optimizer?: OptimizerName | OptimizerConfig;
  /** Whether each epoch visits the examples in another order; default true. */
  readonly shuffle?: boolean;
}

/** A task together with the model whose weights it trains. */
export interface OwnTask extends Task {
  readonly trainable: TrainableModel;
}

const evaluationBatch = 256;

const ownDefaults = withDefaults({
  ...{ model: {}, batchSize: 32, optimizer: defaultOptimizer('adam'), learningRate: 0.001, schedule: everyEpoch(1) },
  ...{ clipNorm: 1e30, epochs: 1 }, // does not clip
});

/**
 * Makes a task of a model and its examples.
 * @throws UnrollError naming what of them cannot be used
 */
export async function ownTask(training: ModelTraining): Promise<OwnTask> {
  const {
    model,
    variables,
    loss,
    train,
    validation,
    test,
    optimizer,
    shuffle = true,
    name = 'model',
    ...settings
  } = training;
  const examples = await ExampleTable.of(train, 'train');
  const held = validation ? await ExampleTable.of(validation, 'validation') : examples;
  const parts = { train: examples, valid: held, test: test ? await ExampleTable.of(test, 'test') : held };
  const specs = { xs: examples.xs.map(({ spec }) => spec), ys: examples.ys.map(({ spec }) => spec) };
  const trainable = new TrainableModel({ model, variables, loss }, specs);
  return {
    name,
    data: 'nothing: a module brings its own examples',
    trainable,
    defaults: settingsFromCode(ownDefaults, {
      ...settings,
      optimizer: typeof optimizer === 'string' ? optimizerNamed(optimizer) : optimizer,
    }),
    selection: { metric: 'loss', better: 'lower' },
    configure: async () => ({}),
    model: () => ({
      trainable,
      initialParameters: () => valuesOf(trainable),
      trainingData: async (_, taskSettings) => trainingData(trainable, examples, { ...taskSettings, shuffle }),
      heldOutData: async (_, split) => heldOutData(trainable, parts[split]),
      bundle: (parameters) => bundleOf(trainable, parameters),
    }),
  };
}

/** @throws UsageError naming the update rules that there are */
export function optimizerNamed(name: OptimizerName): OptimizerConfig {
  if (optimizerNames.includes(name)) return defaultOptimizer(name);
  throw new UsageError(`optimizer: '${name}' is no update rule; choose ${optimizerNames.join(', ')}`);
}

function trainingData(
  model: TrainableModel,
  table: ExampleTable,
  { batchSize, seed, shuffle }: TaskSettings & { readonly shuffle: boolean },
): TrainingData {
  const { count } = table;
  if (count % batchSize !== 0 && model.statistics !== undefined) {
    throw new UnrollError(
      `the model counts statistics of its batches, as batch normalization does, so they cannot be filled up: ${count} examples are no multiple of batchSize ${batchSize}; choose another batchSize`,
    );
  }
  if (count % batchSize !== 0 && !model.hasLossByExample(1)) {
    throw new UnrollError(
      `the loss gives one number for a batch, so batches cannot be filled up: ${count} examples are no multiple of batchSize ${batchSize}; return a loss for each example, or choose another batchSize`,
    );
  }
  const order = [...Array(count).keys()];
  const examplesAt = batchesInOrder(count, batchSize, (epoch) =>
    shuffle ? shuffled(order, randomOfEpoch(seed, epoch)) : order,
  );
  return {
    examples: count,
    fingerprint: fingerprintOf([...table.xs, ...table.ys].map(({ values }) => values)),
    countOf: (batch) => examplesAt(batch).length,
    batchesOf: exampleBatches({
      batchesPerEpoch: Math.ceil(count / batchSize),
      examplesAt,
      isUniform: true,
      shapeOf: (_, batch) => ({ batch }),
      inputsOf: (dealt, { batch }) => ({
        ...table.inputsOf(dealt.own, batch!),
        ...model.drawn(batch!, { seed, index: dealt.index, lane: dealt.lanes.from }),
        weights: weightsInMean(dealt),
        share: Float32Array.of(dealt.averaged === dealt.own ? 1 : batch! / batchSize),
      }),
    }),
  };
}

function heldOutData(model: TrainableModel, table: ExampleTable): HeldOutData {
  const validate: HeldOutData['validate'] = async (programs) => {
    let sum = 0;
    for (let start = 0; start < table.count; start += evaluationBatch) {
      const batch = Math.min(evaluationBatch, table.count - start);
      const chosen = Array.from({ length: batch }, (_, k) => start + k);
      const { loss } = await programs.run(`evaluation ${batch}`, () => model.evaluationProgram(batch), {
        ...table.inputsOf(chosen, batch),
        weights: new Float32Array(batch).fill(1 / batch),
        share: Float32Array.of(1),
      });
      sum += loss![0]! * batch;
    }
    return sum / table.count;
  };
  return { examples: table.count, validate, evaluate: async (programs) => ({ loss: await validate(programs) }) };
}

/** The graph `predict`, for one example: from `xs.k` to `predictions.k`. */
function bundleOf(model: TrainableModel, parameters: Arrays): TaskBundle {
  const predict = graphOfProgram(model.predictionProgram(1), storedShapes(model), parameters);
  const shapes = (values: readonly OnnxValue[]) => Object.fromEntries(values.map(({ name, shape }) => [name, shape]));
  return { graphs: { predict }, config: { inputs: shapes(predict.inputs), outputs: shapes(predict.outputs) } };
}

function valuesOf({ variables }: TrainableModel): Arrays {
  return Object.fromEntries(
    [...variables].map(([name, variable]) => [name, Float32Array.from(variable.dataSync() as ArrayLike<number>)]),
  );
}
