/** What makes training steps: alone, with the optimizer in its graph, or as one worker of a parameter server. */
import {
  gradientProgram,
  type LanguageModelConfig,
  mixedTrainingProgram,
  optimizerSlots,
  parameterShapes,
  slotName,
  stateShapes,
  trainingProgram,
} from '@unroll/core';
import type { ParameterClient } from '@unroll/param-server';
import type { Arrays } from '../checkpoint/checkpoint.js';
import type { Batch } from '../data/batches.js';
import { type Engine, type Executable, type Residents, residentValues } from '../engines/engine.js';
import { BatchInputs, type LaneSlice } from './batch-inputs.js';
import { optimizerShapes, type TrainingConfig } from './config.js';

export interface StepResult {
  /** Summed over the tokens of this worker's lanes, in nats. */
  readonly lossSum: number;
  readonly tokens: number;
}

/** Everything that training changes. */
export interface LearnerState {
  readonly parameters: Arrays;
  readonly slots: Arrays;
  readonly recurrent: Arrays;
}

export interface Learner {
  /** The parameters where the engine keeps them, for evaluation. */
  readonly parameters: Residents;
  /** Makes one update. `step` counts from 0. */
  step(batch: Batch, step: number, learningRate: number): Promise<StepResult>;
  /** A copy-free view of the state; valid until the next step. */
  state(): Promise<LearnerState>;
  dispose(): Promise<void>;
}

/** What a learner starts from: a fresh or a resumed model. */
export interface LearnerStart {
  readonly parameters: Arrays;
  /** Absent slots are zero. */
  readonly slots?: Arrays | undefined;
  readonly recurrent?: Arrays | undefined;
}

export interface LearnerOptions {
  readonly engine: Engine;
  readonly model: LanguageModelConfig;
  readonly training: TrainingConfig;
  readonly start: LearnerStart;
}

/** Trains alone: one run of one graph is a whole step. */
export async function createLocalLearner({ engine, model, training, start }: LearnerOptions): Promise<Learner> {
  const { batchSize, optimizer, clipNorm, precision } = training;
  const shapes = parameterShapes(model);
  const parameters = engine.allocate(residentValues(shapes, start.parameters));
  const slots = engine.allocate(residentValues(optimizerShapes(training, shapes), start.slots ?? {}));
  const recurrent = engine.allocate(residentValues(stateShapes(model, batchSize), start.recurrent ?? {}));
  const shape = { batch: batchSize, time: training.sequenceLength };
  const programOf = precision === 'mixed' ? mixedTrainingProgram : trainingProgram;
  const program = programOf(model, shape, { optimizer, clipNorm });
  const executable = await engine.compile(program, [parameters, slots, recurrent]);
  const inputs = new BatchInputs(model, training, { from: 0, to: batchSize });
  const scalars = { learningRate: new Float32Array(1), step: new Float32Array(1) };
  return {
    parameters,
    step: async (batch, step, learningRate) => {
      if (batch.resetState) await reset(recurrent);
      scalars.learningRate[0] = learningRate;
      scalars.step[0] = step + 1;
      const { tokenLosses } = await executable.run({ ...inputs.fill(batch, step), ...scalars });
      return stepResult(tokenLosses!, batch);
    },
    state: async () => ({
      parameters: await readAll(parameters),
      slots: await readAll(slots),
      recurrent: await readAll(recurrent),
    }),
    dispose: () => disposeAll(executable, [parameters, slots, recurrent]),
  };
}

/** Trains as one of several workers: computes gradients of its lanes; the servers average, clip and update. */
export async function createDistributedLearner(
  { engine, model, training, start }: LearnerOptions,
  client: ParameterClient,
  slice: LaneSlice,
): Promise<Learner> {
  const shapes = parameterShapes(model);
  const lanes = slice.to - slice.from;
  const parameters = engine.allocate(residentValues(shapes, start.parameters));
  const recurrent = engine.allocate(residentValues(stateShapes(model, lanes), start.recurrent ?? {}));
  const program = gradientProgram(model, { batch: lanes, time: training.sequenceLength });
  const executable = await engine.compile(program, [parameters, recurrent]);
  const inputs = new BatchInputs(model, training, slice);
  const pulled = await readAll(parameters);
  const install = () => {
    for (const [name, values] of Object.entries(pulled)) parameters.write(name, values);
  };
  await client.pull(pulled);
  install();
  return {
    parameters,
    step: async (batch, step, learningRate) => {
      if (batch.resetState) await reset(recurrent);
      const outputs = await executable.run(inputs.fill(batch, step));
      const gradients = Object.fromEntries(Object.keys(shapes).map((name) => [name, outputs[`gradient.${name}`]!]));
      await client.update({ gradients, learningRate, parameters: pulled });
      install();
      return stepResult(outputs.tokenLosses!, batch);
    },
    state: async () => {
      const snapshot = await client.snapshot();
      return {
        parameters: await readAll(parameters),
        slots: Object.fromEntries(
          optimizerSlots(training.optimizer).flatMap((slot) =>
            Object.entries(snapshot.slots[slot]!).map(([name, values]) => [slotName(slot, name), values]),
          ),
        ),
        recurrent: await readAll(recurrent),
      };
    },
    dispose: () => disposeAll(executable, [parameters, recurrent]),
  };
}

async function reset(residents: Residents): Promise<void> {
  for (const name of residents.names) residents.write(name, (await residents.read(name)).fill(0));
}

async function readAll(residents: Residents): Promise<Arrays> {
  const arrays: Arrays = {};
  for (const name of residents.names) arrays[name] = await residents.read(name);
  return arrays;
}

async function disposeAll(executable: Executable, residents: readonly Residents[]): Promise<void> {
  await executable.dispose();
  for (const set of residents) set.dispose();
}

function stepResult(tokenLosses: Float32Array, batch: Batch): StepResult {
  const tokens = batch.ids.length;
  let lossSum = 0;
  for (let k = 0; k < tokens; k++) lossSum += tokenLosses[k]!;
  return { lossSum, tokens };
}
