/**
 * Computes the gradient of a worker's lanes. In `sync` it is one summand of the step that all workers make together.
 * Where workers go at their own pace, it is an update by itself: the gradient of these lanes as though they were the
 * whole batch. Its learning rate is scaled by the lanes' share of the batch. So the updates of all workers move as far
 * as one update of the whole batch, with any optimizer.
 */
import type { BatchDimensions } from '@unroll/core/internal';
import { gradientOf, gradientRowsOf } from '@unroll/core/onnx';
import type { LaneRange, NamedGradients } from '@unroll/param-server/client';
import { stalenessBound } from '../../configuration/modes.js';
import { type Residents, zeros } from '../../engines/engine.js';
import { disposeAll } from '../../engines/residents.js';
import type { Inputs } from './batch-source.js';
import { sumTokenRows } from './embedding-rows.js';
import { LaneLosses } from './lane-losses.js';
import type { LearnerOptions } from './learner.js';
import { isStateCleared } from './statistics.js';
import { StepExecutable } from './step-executable.js';
import type { WorkerStep } from './worker-step.js';

export async function createGradientStep(
  { engine, model, training, batchesOf }: LearnerOptions,
  parameters: Residents,
  lanes: LaneRange,
): Promise<WorkerStep> {
  const count = lanes.to - lanes.from;
  const recurrent = engine.allocate(zeros(model.stateShapes(count)));
  const programOf = (shape: BatchDimensions, room?: readonly number[]) =>
    model.rowGradientProgram?.(shape, room) ?? model.gradientProgram(shape, room);
  const executable = new StepExecutable(engine, { programOf, lists: model.lists }, [parameters, recurrent]);
  const hasOwnPace = stalenessBound(training.mode) !== undefined;
  const share = hasOwnPace ? count / training.batchSize : 1;
  const batches = batchesOf(lanes, hasOwnPace);
  if (batches.shape) await executable.prepare(batches.shape);
  const losses = new LaneLosses(count);
  return {
    lanes,
    recurrent,
    losses,
    compute: async (step, learningRate) => {
      const batch = batches.batchAt(step);
      if (isStateCleared(model, batch)) recurrent.clear();
      const inputs = batch.fill();
      const outputs = await executable.run(batch.shape, inputs);
      const loss = losses.add(batch, outputs);
      const gradients = gradientsByName(parameters.names, outputs, inputs.ids);
      return { loss, gradients, learningRate: learningRate * share };
    },
    dispose: () => disposeAll(executable, [recurrent]),
  };
}

/**
 * Collects the gradient of each named parameter; that of a table is summed by row.
 * @param outputs the outputs of `Trainable.rowGradientProgram` or `gradientProgram`
 * @param ids the batch's input `ids`, which name the rows
 */
export function gradientsByName(
  names: readonly string[],
  outputs: Readonly<Record<string, Float32Array>>,
  ids: Inputs[string] | undefined,
): NamedGradients {
  return Object.fromEntries(
    names.map((name) => [
      name,
      outputs[gradientOf(name)] ?? sumTokenRows(ids as Int32Array, outputs[gradientRowsOf(name)]!),
    ]),
  );
}
