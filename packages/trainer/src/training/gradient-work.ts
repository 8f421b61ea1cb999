/** A worker's part of a synchronous step: the gradient of its lanes' part of the batch's loss. */
import { gradientProgram, stateShapes } from '@unroll/core';
import type { LaneRange } from '@unroll/param-server';
import { type Residents, zeros } from '../engines/engine.js';
import { BatchInputs } from './batch-inputs.js';
import { LaneLosses } from './lane-losses.js';
import type { LaneWork } from './lane-work.js';
import { disposeAll, type LearnerOptions, reset } from './learner.js';

export async function createGradientWork(
  { engine, model, training, batchesOf }: LearnerOptions,
  parameters: Residents,
  lanes: LaneRange,
): Promise<LaneWork> {
  const count = lanes.to - lanes.from;
  const recurrent = engine.allocate(zeros(stateShapes(model, count)));
  const program = gradientProgram(model, { batch: count, time: training.sequenceLength });
  const executable = await engine.compile(program, [parameters, recurrent]);
  const inputs = new BatchInputs(model, training, lanes);
  const batches = batchesOf(lanes);
  const losses = new LaneLosses(count);
  return {
    lanes,
    recurrent,
    losses,
    compute: async (step, learningRate) => {
      const batch = batches.batchAt(step);
      if (batch.resetState) await reset(recurrent);
      const outputs = await executable.run(inputs.fill(batch, step));
      const loss = losses.add(outputs.tokenLosses!, batch);
      const gradients = Object.fromEntries(parameters.names.map((name) => [name, outputs[`gradient.${name}`]!]));
      return { loss, gradients, learningRate };
    },
    dispose: () => disposeAll(executable, [recurrent]),
  };
}
