/**
 * Makes one update from the summed gradients of the batch's parts. Each part holds some of the lanes; parts run one
 * after another.
 */
import {
  accumulatedUpdateProgram,
  accumulationProgram,
  type BatchDimensions,
  gradientSumShapes,
} from '@unroll/core/internal';
import { type Residents, zeros } from '../../engines/engine.js';
import type { ScalarInputs } from './consecutive-batches.js';
import { LaneLosses } from './lane-losses.js';
import type { LearnerOptions, LossSum, UpdateResult } from './learner.js';
import { isStateCleared } from './statistics.js';
import { StepExecutable } from './step-executable.js';
import type { BatchStep, TrainingResidents } from './whole-batch-step.js';

export async function createAccumulatedStep(
  { engine, model, training, batchesOf }: LearnerOptions,
  { parameters, slots, recurrent }: TrainingResidents,
): Promise<BatchStep> {
  const { batchSize, accumulate, optimizer, clipNorm } = training;
  const { parameters: shapes } = model;
  const count = batchSize / accumulate;
  const recipe = { optimizer, clipNorm };
  const sums = engine.allocate(zeros(gradientSumShapes(shapes)));
  const state = engine.allocate(zeros(model.stateShapes(count)));
  const programOf = (shape: BatchDimensions, room?: readonly number[]) =>
    accumulationProgram(shapes, model.gradientProgram(shape, room), recipe);
  const part = new StepExecutable(engine, { programOf, lists: model.lists }, [parameters, slots, sums, state]);
  const update = await engine.compile(accumulatedUpdateProgram(shapes, recipe), [parameters, slots, sums]);
  const parts = Array.from({ length: accumulate }, (_, k) => {
    const lanes = { from: k * count, to: (k + 1) * count };
    return { from: lanes.from, batches: batchesOf(lanes), losses: new LaneLosses(count) };
  });
  const { shape } = parts[0]!.batches;
  if (shape) await part.prepare(shape);
  const total = () => sumOf(parts.map(({ losses }) => losses.total));
  const makeUpdate = async (step: number, scalars: ScalarInputs): Promise<UpdateResult> => {
    sums.clear();
    const summands: LossSum[] = [];
    for (const { from, batches, losses } of parts) {
      const batch = batches.batchAt(step);
      if (isStateCleared(model, batch)) state.clear();
      else await takeLanes(recurrent, state, from, count);
      const outputs = await part.run(batch.shape, batch.fill());
      await giveLanes(state, recurrent, from, count);
      summands.push(losses.add(batch, outputs));
    }
    const { gradientNorm } = await update.run(scalars);
    return { ...sumOf(summands), gradientNorm: gradientNorm![0]!, epoch: total() };
  };
  return {
    get total() {
      return total();
    },
    isUniform: shape !== undefined,
    run: async (step, scalars) => {
      const made: UpdateResult[] = [];
      for (const each of scalars) made.push(await makeUpdate(step + made.length, each));
      return made;
    },
    dispose: async () => {
      await part.dispose();
      await update.dispose();
      sums.dispose();
      state.dispose();
    },
  };
}

/** Copies the rows of `count` lanes, from lane `from` on, from `all` to `some`. */
async function takeLanes(all: Residents, some: Residents, from: number, count: number): Promise<void> {
  for (const name of some.names) {
    const rows = await some.read(name);
    const width = rows.length / count;
    rows.set((await all.read(name)).subarray(from * width, (from + count) * width));
    some.write(name, rows);
  }
}

/** Copies the rows in `some` back to their lanes in `all`. */
async function giveLanes(some: Residents, all: Residents, from: number, count: number): Promise<void> {
  for (const name of some.names) {
    const rows = await some.read(name);
    const values = await all.read(name);
    values.set(rows, (from * rows.length) / count);
    all.write(name, values);
  }
}

function sumOf(summands: readonly LossSum[]): LossSum {
  return summands.reduce((a, b) => ({ lossSum: a.lossSum + b.lossSum, count: a.count + b.count }));
}
