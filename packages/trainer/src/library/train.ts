/** `train`: trains any model in code: alone, as a worker of parameter servers, or by processes that it starts. */
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import type { ClusterOptions } from '../cluster/launch.js';
import { isTogether, snapshotsBeside } from '../cluster/together.js';
import type { WorkerEvent } from '../cluster/worker-processes.js';
import { changeableSettings } from '../configuration/hyperparameters.js';
import { type EngineName, engineNames } from '../engines/engine-names.js';
import { UsageError } from '../errors.js';
import { type OwnTask, ownTask } from '../own-models/own-task.js';
import { readTaskCheckpoint } from '../tasks/task-checkpoint.js';
import { taskJobRequest } from '../tasks/task-job.js';
import type { Listener } from '../terminal/listener.js';
import { ChiefEvents } from '../training/chief-events.js';
import type { WorkerRole } from '../training/learners/open-learner.js';
import { type RunEvent, runTraining } from '../training/run.js';
import { eventsInCode, listenerFields, parseOptions, path, signalField } from './in-code.js';
import { isModelInMemory, jobDataOf, type Training } from './training-data.js';

/** Where the checkpoint goes, and how the run is made. */
export interface TrainOptions extends Listener {
  /** The folder of the checkpoint. */
  readonly out: string;
  /** Goes on from the checkpoint in `out`, if there is one; default false. */
  readonly resume?: boolean | undefined;
  /** Replaces the checkpoint in `out`; default false. */
  readonly overwrite?: boolean | undefined;
  /** With `resume`: goes on although the data are others than the checkpoint's; default false. */
  readonly changedData?: boolean | undefined;
  /** Default `auto`: the fastest that this machine has. */
  readonly engine?: EngineName | undefined;
  /** Threads of a worker's CPU engine; by default all cores, divided among the workers of this machine. */
  readonly threads?: number | undefined;
  /** Starts so many worker processes on this machine, which share each batch. A model in memory cannot be handed to them. */
  readonly workers?: number | undefined;
  /** Starts so many parameter server processes on this machine; default 1 if there are workers. */
  readonly servers?: number | undefined;
  /** The folder for the servers' snapshots; default: `out` with `.snapshots` at its end. */
  readonly snapshotDir?: string | undefined;
  /** Steps between snapshots; 0 for none; default 200. */
  readonly snapshotEvery?: number | undefined;
  /** The greatest number of restarts in a row of a process that is killed soon after its start; default 10. */
  readonly maxRestarts?: number | undefined;
  /** This process's place among the workers of parameter servers, which others have started. */
  readonly role?: WorkerRole | undefined;
  /**
   * Ends training, and the loop with it: after the step that is being computed, with a checkpoint. Processes that were
   * started end at once; with `resume` the run goes on from its last checkpoint or snapshot.
   */
  readonly signal?: AbortSignal | undefined;
}

const optionsSchema = z.strictObject({
  out: path,
  resume: z.boolean().default(false),
  overwrite: z.boolean().default(false),
  changedData: z.boolean().default(false),
  engine: z.enum(engineNames).default('auto'),
  threads: z.int().nonnegative().default(0),
  workers: z.int().positive().optional(),
  servers: z.int().positive().optional(),
  snapshotDir: path.optional(),
  snapshotEvery: z.int().nonnegative().optional(),
  maxRestarts: z.int().nonnegative().default(10),
  role: z
    .custom<WorkerRole>((value) => value === undefined || typeof value === 'object', 'must be an object')
    .optional(),
  signal: signalField,
  ...listenerFields,
});

type ParsedOptions = z.infer<typeof optionsSchema>;

/**
 * Trains a model, as a stream of events: `start`, `step`, `evaluation`, `epoch`, `checkpoint`. They are the same
 * whether this process trains alone or starts others. When it ends, a TensorFlow.js model in memory has the weights of
 * its best epoch, and `out` holds the checkpoint, which `evaluate`, `generate`, `score` and `exportBundle` take.
 * @param training a TensorFlow.js model with its examples (`{ model, loss, train }`), the module that exports one
 *   (`{ module }`), an application (`{ task, data }`) or a language model (`{ data }`)
 * @throws UnrollError, ParameterServerError with one line that says what is wrong and what to do
 * @example
 * for await (const event of train({ data: 'grammar', model: { cell: 'gru' }, epochs: 5 }, { out: 'runs/first' })) {
 *   if (event.type === 'epoch') console.log(event.epoch, event.value); // the validation perplexity
 * }
 */
export function train(training: Training, options: TrainOptions): AsyncGenerator<RunEvent, void, undefined> {
  return eventsInCode(options, async function* () {
    const parsed = parseOptions(optionsSchema, options, 'train');
    const { out, resume, overwrite, changedData, engine, threads, role, signal } = parsed;
    if (resume && overwrite) throw new UsageError('resume and overwrite: leave one of them out');
    const run = { out, resume, overwrite, changedData, engine, threads };
    const hasProcesses = isTogether(parsed);
    if (hasProcesses && role)
      throw new UsageError('role: is for servers that others started; leave out workers and servers');
    if (isModelInMemory(training)) {
      if (hasProcesses) throw modelInMemory;
      yield* trainInMemory(await ownTask(training), parsed);
      return;
    }
    const data = await jobDataOf(training, run);
    if (hasProcesses) {
      const { launchCluster } = await import('../cluster/launch.js');
      yield* eventsOfChief(launchCluster(data, clusterOf(parsed)));
      return;
    }
    const { requestOf } = await import('../cluster/job-data.js');
    yield* runTraining({ request: await requestOf(data), ...(role ? { role, leave: signal } : { signal }) });
  });
}

const modelInMemory = new UsageError(
  "workers: other processes cannot be handed a model in memory; export it from a module, and give { module: './my-training.mjs' }",
);

/** Trains a model of this process, and gives it the weights of the best epoch. */
async function* trainInMemory(
  task: OwnTask,
  { out, resume, overwrite, changedData, engine, threads, role, signal }: ParsedOptions,
): AsyncGenerator<RunEvent, void, undefined> {
  const run = { data: '', out, resume, overwrite, changedData, engine, threads };
  const request = taskJobRequest({ ...run, task, given: changeableSettings(task.defaults) });
  yield* runTraining({ request, ...(role ? { role, leave: signal } : { signal }) });
  if (role && role.worker !== 0) return;
  const { parameters } = await readTaskCheckpoint(out, task);
  for (const [name, variable] of task.trainable.variables) {
    tf.tidy(() => variable.assign(tf.tensor(parameters[name]!, variable.shape)));
  }
}

function clusterOf(options: ParsedOptions): ClusterOptions {
  const { out, workers = 1, servers = 1, snapshotEvery, maxRestarts, signal } = options;
  const { snapshotDir = snapshotsBeside(out) } = options;
  const every = snapshotEvery === undefined ? [] : ['--snapshot-every', `${snapshotEvery}`];
  const serverFlags = ['--snapshot-dir', snapshotDir, ...every];
  return { workers, servers, maxRestarts, snapshotDir, serverFlags, signal };
}

/** Yields the events of the worker that evaluates and writes the checkpoints, as one process would. */
async function* eventsOfChief(events: AsyncIterable<WorkerEvent>): AsyncGenerator<RunEvent, void, undefined> {
  const chief = new ChiefEvents();
  for await (const { worker, event } of events) if (chief.includes(event, worker)) yield event;
}
