import {
  defaultOptimizer,
  initialParameters,
  languageModelConfig,
  type Program,
  parameterShapes,
  stateShapes,
  trainingProgram,
} from '@unroll/core';
import { softmaxTails } from '@unroll/core/config';
import { positionsOfTails, tailPositions } from '@unroll/core/internal';
import { expect, test } from 'vitest';
import { type RunInputs, residentValues, zeros } from '../../engines/engine.js';
import { selectEngine } from '../../engines/select.js';
import type { TrainingBatch } from './batch-source.js';
import { StepExecutable } from './step-executable.js';

const shape = { batch: 8, time: 10 };
const rows = shape.batch * shape.time;
const model = languageModelConfig({
  ...{ vocabSize: 40, embeddingDim: 6, hiddenDim: 8 },
  softmax: { name: 'adaptive', cutoffs: [10, 20] },
});
const tails = softmaxTails(model);
const recipe = { optimizer: defaultOptimizer('sgd'), clipNorm: 1 };

/** The number of words at each step; it grows, and with it the tails. */
const wordsOfStep = [12, 14, 30, 40, 16, 40];

const ids = new Int32Array(rows);

/** Returns inputs in the same arrays for every step, as in training. */
function inputsOf(step: number): RunInputs {
  for (let k = 0; k < rows; k++) ids[k] = (7 * k + step) % wordsOfStep[step]!;
  return {
    ids,
    targets: ids,
    lossWeights: new Float32Array(rows).fill(1 / rows),
    learningRate: Float32Array.of(0.5),
    step: Float32Array.of(step + 1),
    ...positionsOfTails(tails, ids),
  };
}

function batchOf(step: number): TrainingBatch {
  const fill = () => ({ ...inputsOf(step) });
  return {
    shape,
    beginsEpoch: false,
    fill,
    lossesOf: () => ({ sums: new Float64Array(), counts: new Float64Array() }),
  };
}

/**
 * Makes calls of this many steps each. Returns the losses, the final parameters, and the room in the tails of each
 * compiled program.
 */
async function trained(calls: readonly number[]) {
  const engine = await selectEngine('onnxruntime', 2);
  const shapes = parameterShapes(model);
  const parameters = engine.allocate(residentValues(shapes, initialParameters(model, { seed: 3 })));
  const state = engine.allocate(zeros(stateShapes(model, shape.batch)));
  const rooms: number[][] = [];
  const programOf = (_: object, room?: readonly number[]): Program => {
    const program = trainingProgram(model, { ...shape, tailCapacities: room }, recipe);
    rooms.push(tails.map((tail) => program.inputs[tailPositions(tail)]!.shape[0]!));
    return program;
  };
  const lists = tails.map(tailPositions);
  const executable = new StepExecutable(engine, { programOf, lists }, [parameters, state]);
  const losses: number[] = [];
  let first = 0;
  for (const count of calls) {
    const batches = Array.from({ length: count }, (_, run) => batchOf(first + run));
    for (const { tokenLosses } of await executable.runMany(batches, [])) {
      losses.push(...tokenLosses!);
    }
    first += count;
  }
  const values = await Promise.all(parameters.names.map(async (name) => [...(await parameters.read(name))]));
  await executable.dispose();
  for (const residents of [parameters, state]) residents.dispose();
  return { results: { losses, values }, rooms };
}

test('steps with an adaptive softmax in one call have room for the most of them, and the bits of single ones', async () => {
  const single = await trained([1, 1, 1, 1, 1, 1]);
  const many = await trained([2, 3, 1]);
  expect(many.results).toEqual(single.results);
  expect(single.rooms.length).toBeGreaterThan(2);
  expect(many.rooms).toHaveLength(2);
  expect(many.rooms.at(-1)).toEqual(single.rooms.at(-1));
});
