/** `train`: trains a TensorFlow.js model in code, alone or as a worker of parameter servers. */
import * as tf from '@tensorflow/tfjs-core';
import type { EngineName } from '../engines/engine-names.js';
import { readTaskCheckpoint } from '../tasks/task-checkpoint.js';
import { taskJobRequest } from '../tasks/task-job.js';
import type { WorkerRole } from '../training/learners/open-learner.js';
import { type RunEvent, runTraining } from '../training/run.js';
import { type ModelTraining, ownTask } from './own-task.js';

export interface TrainOptions {
  /** The folder of the checkpoint. */
  readonly out: string;
  /** Goes on from the checkpoint in `out`, if there is one; default false. */
  readonly resume?: boolean;
  /** Replaces the checkpoint in `out`; default false. */
  readonly overwrite?: boolean;
  /** Default: ONNX Runtime on the CPU. */
  readonly engine?: EngineName;
  /** Threads of the engine; 0, the default, for all cores. */
  readonly threads?: number;
  /** This process's place among the workers of parameter servers; absent if it trains alone. */
  readonly role?: WorkerRole;
  /** Ends training after the step that is being computed, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/**
 * Trains a model, as a stream of events: `start`, `step`, `evaluation`, `epoch`, `checkpoint`. When it ends, the
 * model's weights are those of the best epoch.
 * @throws UnrollError with one line that says what is wrong and what to do
 * @example
 * for await (const event of train({ model, loss: 'meanSquaredError', train: { xs, ys }, epochs: 5 }, { out: 'runs/own' })) {
 *   if (event.type === 'epoch') console.log(event.epoch, event.value);
 * }
 */
export async function* train(
  training: ModelTraining,
  options: TrainOptions,
): AsyncGenerator<RunEvent, void, undefined> {
  const { out, resume = false, overwrite = false, engine = 'onnxruntime', threads = 0, role, signal } = options;
  const task = await ownTask(training);
  const { epochs, maxSteps } = training;
  const request = {
    task,
    data: '',
    out,
    given: { epochs, maxSteps },
    engine,
    threads,
    resume,
    overwrite,
    changedData: false,
  };
  yield* runTraining({
    request: taskJobRequest(request),
    ...(role ? { role } : {}),
    ...(signal ? { signal } : {}),
  });
  if (role && role.worker !== 0) return;
  const { parameters } = await readTaskCheckpoint(out, task);
  for (const [name, variable] of task.trainable.variables) {
    tf.tidy(() => variable.assign(tf.tensor(parameters[name]!, variable.shape)));
  }
}
