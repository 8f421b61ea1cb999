/**
 * Computes the gradient of a worker's lanes as `gradient-work.ts` does, for a worker that holds only the table rows
 * that its step reads or scores. It pulls these rows from the servers before each step and sends back their gradients.
 */
import { stateShapes } from '@unroll/core';
import { rowGradientProgram } from '@unroll/core/internal';
import type { LaneRange, NamedGradients } from '@unroll/param-server';
import type { Arrays } from '../checkpoint/checkpoint.js';
import { type Residents, zeros } from '../engines/engine.js';
import { disposeAll } from '../engines/residents.js';
import { BatchInputs } from './batch-inputs.js';
import { gradientsByName } from './gradient-work.js';
import { LaneLosses } from './lane-losses.js';
import type { LaneWork } from './lane-work.js';
import type { LearnerOptions } from './learner.js';
import { stalenessBound } from './modes.js';
import { stepShape } from './step-executable.js';
import { modelOfStep, type StepWords, wordsOfStep } from './step-words.js';

/**
 * Creates the work of a worker that holds only rows of the tables.
 * @param parameters the parameters of the model from {@link workersModel}
 */
export async function createTableWork(
  options: LearnerOptions,
  parameters: Residents,
  lanes: LaneRange,
): Promise<LaneWork> {
  const { engine, model, training, batchesOf } = options;
  const count = lanes.to - lanes.from;
  const recurrent = engine.allocate(zeros(stateShapes(model, count)));
  const program = rowGradientProgram(workersModel(options), stepShape(training, count));
  const executable = await engine.compile(program, [parameters, recurrent]);
  const hasOwnPace = stalenessBound(training.mode) !== undefined;
  const inputs = new BatchInputs(model, hasOwnPace ? { ...training, batchSize: count } : training, lanes);
  const share = hasOwnPace ? count / training.batchSize : 1;
  const batches = batchesOf(lanes);
  const losses = new LaneLosses(count);
  let words: StepWords = { rows: {}, inputs: {} };
  return {
    lanes,
    recurrent,
    losses,
    lookUp: async (step, client) => {
      words = wordsOfStep(model, inputs.fill(batches.batchAt(step), step));
      const tables: Arrays = {};
      for (const name of Object.keys(words.rows)) tables[name] = await parameters.read(name);
      if (!(await client.pullRows(words.rows, tables))) return false;
      for (const [name, values] of Object.entries(tables)) parameters.write(name, values);
      return true;
    },
    compute: async (step, learningRate) => {
      const batch = batches.batchAt(step);
      if (batch.resetState) recurrent.clear();
      const outputs = await executable.run(words.inputs);
      const loss = losses.add(outputs.tokenLosses!, batch);
      const found = gradientsByName(parameters.names, outputs, words.inputs.ids as Int32Array);
      return { loss, gradients: gradientsOfRows(found, words.rows), learningRate: learningRate * share };
    },
    dispose: () => disposeAll(executable, [recurrent]),
  };
}

/**
 * Returns the model that a worker holds. It has room for the words of a step of all lanes, as the worker's lanes may
 * change.
 */
export function workersModel({ model, training }: Pick<LearnerOptions, 'model' | 'training'>) {
  return modelOfStep(model, training.batchSize * training.sequenceLength);
}

/** Renumbers gradients of a step's tables to the rows of the whole tables. */
function gradientsOfRows(gradients: NamedGradients, rows: StepWords['rows']): NamedGradients {
  return Object.fromEntries(
    Object.entries(gradients).map(([name, gradient]) => {
      const words = rows[name];
      if (words === undefined) return [name, gradient];
      if (!(gradient instanceof Float32Array)) {
        return [name, { rows: gradient.rows.map((row) => words[row]!), values: gradient.values }];
      }
      return [name, { rows: words, values: gradient }];
    }),
  );
}
