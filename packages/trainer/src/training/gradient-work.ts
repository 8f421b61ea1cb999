/**
 * Computes the gradient of a worker's lanes. In `sync` it is one summand of the step that all workers make together.
 * Where workers go at their own pace, it is an update by itself: the gradient of these lanes as though they were the
 * whole batch. Its learning rate is scaled by the lanes' share of the batch. So the updates of all workers move as far
 * as one update of the whole batch, with any optimizer.
 */
import { stateShapes } from '@unroll/core';
import { rowGradientProgram } from '@unroll/core/internal';
import type { LaneRange, NamedGradients } from '@unroll/param-server';
import { type Residents, zeros } from '../engines/engine.js';
import { disposeAll } from '../engines/residents.js';
import { BatchInputs } from './batch-inputs.js';
import { sumRowsById } from './embedding-rows.js';
import { LaneLosses } from './lane-losses.js';
import type { LaneWork } from './lane-work.js';
import type { LearnerOptions } from './learner.js';
import { stalenessBound } from './modes.js';
import { compileSteps, type StepPrograms, stepShape } from './step-executable.js';

export async function createGradientWork(
  { engine, model, training, batchesOf }: LearnerOptions,
  parameters: Residents,
  lanes: LaneRange,
): Promise<LaneWork> {
  const count = lanes.to - lanes.from;
  const recurrent = engine.allocate(zeros(stateShapes(model, count)));
  const steps: StepPrograms = {
    shape: stepShape(training, count),
    programOf: (shape) => rowGradientProgram(model, shape),
  };
  const executable = await compileSteps(engine, model, steps, [parameters, recurrent]);
  const hasOwnPace = stalenessBound(training.mode) !== undefined;
  const inputs = new BatchInputs(model, hasOwnPace ? { ...training, batchSize: count } : training, lanes);
  const share = hasOwnPace ? count / training.batchSize : 1;
  const batches = batchesOf(lanes);
  const losses = new LaneLosses(count);
  return {
    lanes,
    recurrent,
    losses,
    compute: async (step, learningRate) => {
      const batch = batches.batchAt(step);
      if (batch.resetState) recurrent.clear();
      const filled = inputs.fill(batch, step);
      const outputs = await executable.run(filled);
      const loss = losses.add(outputs.tokenLosses!, batch);
      const gradients = gradientsByName(parameters.names, outputs, filled.ids as Int32Array);
      return { loss, gradients, learningRate: learningRate * share };
    },
    dispose: () => disposeAll(executable, [recurrent]),
  };
}

/**
 * Collects the gradient of each named parameter; the embedding's is summed by row.
 * @param outputs the outputs of `rowGradientProgram`
 */
export function gradientsByName(
  names: readonly string[],
  outputs: Readonly<Record<string, Float32Array>>,
  ids: Int32Array,
): NamedGradients {
  return Object.fromEntries(
    names.map((name) => [name, outputs[`gradient.${name}`] ?? sumRowsById(ids, outputs[`gradientRows.${name}`]!)]),
  );
}
