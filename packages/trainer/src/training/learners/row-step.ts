/**
 * Computes the gradient of a worker's lanes as `gradient-step.ts` does, for a worker that holds only the table rows
 * that its step reads or scores. It pulls these rows from the servers before each step and sends back their gradients.
 */
import type { LaneRange, NamedGradients } from '@unroll/param-server/client';
import type { Arrays } from '../../checkpoint/arrays.js';
import { stalenessBound } from '../../configuration/modes.js';
import { type Residents, zeros } from '../../engines/engine.js';
import { disposeAll } from '../../engines/residents.js';
import type { TrainingBatch } from './batch-source.js';
import { gradientsByName } from './gradient-step.js';
import { LaneLosses } from './lane-losses.js';
import type { LearnerOptions } from './learner.js';
import type { RowsOfStep, RowTables } from './row-tables.js';
import type { WorkerStep } from './worker-step.js';

/**
 * Creates the step of a worker that holds only rows of the tables.
 * @param parameters the parameters of the model that {@link RowTables} says
 */
export async function createRowStep(
  { engine, training, batchesOf }: LearnerOptions,
  { model, rowsOf }: RowTables,
  parameters: Residents,
  lanes: LaneRange,
): Promise<WorkerStep> {
  const count = lanes.to - lanes.from;
  const recurrent = engine.allocate(zeros(model.stateShapes(count)));
  const hasOwnPace = stalenessBound(training.mode) !== undefined;
  const share = hasOwnPace ? count / training.batchSize : 1;
  const batches = batchesOf(lanes, hasOwnPace);
  const executable = await engine.compile(model.rowGradientProgram!(batches.shape!), [parameters, recurrent]);
  const losses = new LaneLosses(count);
  let batch!: TrainingBatch;
  let words: RowsOfStep = { rows: {}, inputs: {} };
  return {
    lanes,
    recurrent,
    losses,
    lookUp: async (step, client) => {
      batch = batches.batchAt(step);
      words = rowsOf(batch.fill());
      const tables: Arrays = {};
      for (const name of Object.keys(words.rows)) tables[name] = await parameters.read(name);
      if (!(await client.pullRows(words.rows, tables))) return false;
      for (const [name, values] of Object.entries(tables)) parameters.write(name, values);
      return true;
    },
    compute: async (_, learningRate) => {
      if (batch.beginsEpoch) recurrent.clear();
      const outputs = await executable.run(words.inputs);
      const loss = losses.add(batch, outputs);
      const found = gradientsByName(parameters.names, outputs, words.inputs.ids);
      return { loss, gradients: gradientsOfRows(found, words.rows), learningRate: learningRate * share };
    },
    dispose: () => disposeAll(executable, [recurrent]),
  };
}

/** Renumbers gradients of a step's tables to the rows of the whole tables. */
function gradientsOfRows(gradients: NamedGradients, rows: RowsOfStep['rows']): NamedGradients {
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
