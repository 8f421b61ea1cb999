/** `train`: trains any model in code: alone, as a worker of parameter servers, or by processes that it starts. */
import * as tf from '@tensorflow/tfjs-core';
import type { RunStatusReader } from '@unroll/param-server/client';
import { defaultMaxParameters, fewestSnapshots, mostMaxParameters } from '@unroll/param-server/config';
import { z } from 'zod';
import { clusterOptions } from '../cluster/cluster-options.js';
import { isTogether } from '../cluster/together.js';
import type { WorkerEvent } from '../cluster/worker-processes.js';
import { changeableSettings } from '../configuration/hyperparameters.js';
import type { Mode } from '../configuration/variants.js';
import { openObserver } from '../dashboard/open-observer.js';
import type { RunObserver } from '../dashboard/run-observer.js';
import { type EngineName, engineNames } from '../engines/engine-names.js';
import { UsageError } from '../errors.js';
import { type OwnTask, ownTask } from '../own-models/own-task.js';
import { recordedRun } from '../runs/recorded-run.js';
import { readTaskCheckpoint } from '../tasks/task-checkpoint.js';
import { taskJobRequest } from '../tasks/task-job.js';
import type { Listener } from '../terminal/listener.js';
import { ChiefEvents } from '../training/chief-events.js';
import type { WorkerRole } from '../training/learners/open-learner.js';
import type { RunEvent } from '../training/run.js';
import { runOfServers } from '../training/server-places.js';
import { eventsInCode, listenerFields, parseOptions, path, signalField } from './in-code.js';
import { isModelInMemory, jobDataOf, type Training } from './training-data.js';
import { checkedRole, roleSchema } from './worker-role.js';

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
  /** Goes on with so few workers, who share the lanes; default: all. */
  readonly minWorkers?: number | undefined;
  /** Makes each step without the slowest so many workers; default 0. */
  readonly backupWorkers?: number | undefined;
  /** Reports a worker that is silent for longer, in seconds; default 15. */
  readonly lease?: number | undefined;
  /** Gives up a worker that is silent for longer, in seconds; default 600. */
  readonly workerTimeout?: number | undefined;
  /** The folder for the servers' snapshots; default: `out` with `.snapshots` at its end. */
  readonly snapshotDir?: string | undefined;
  /** Steps between snapshots; 0 for none; default 200. */
  readonly snapshotEvery?: number | undefined;
  /** How many of the last snapshots are kept; default 3. */
  readonly keepSnapshots?: number | undefined;
  /** Refuses a model with more parameters and lane states on one server; default 2^28. */
  readonly maxParameters?: number | undefined;
  /** The greatest number of restarts in a row of a process that is killed soon after its start; default 10. */
  readonly maxRestarts?: number | undefined;
  /** Serves a live page of the run at a port or `host:port`; `true` for 127.0.0.1:7070. A notice has its address. */
  readonly dashboard?: string | boolean | undefined;
  /** Lets `dashboard` serve other machines: whoever reaches the port can read it; default false. */
  readonly insecurePublic?: boolean | undefined;
  /** Writes the curves as TensorBoard's event files to this folder; `true` for `out` with `.tensorboard` at its end. */
  readonly tensorboard?: string | boolean | undefined;
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
  minWorkers: z.int().positive().optional(),
  backupWorkers: z.int().nonnegative().default(0),
  lease: z.int().positive().default(15),
  workerTimeout: z.int().positive().default(600),
  snapshotDir: path.optional(),
  snapshotEvery: z.int().nonnegative().default(200),
  keepSnapshots: z.int().min(fewestSnapshots).default(3),
  maxParameters: z.int().positive().max(mostMaxParameters).default(defaultMaxParameters),
  dashboard: z.union([path, z.boolean()]).default(false),
  insecurePublic: z.boolean().default(false),
  tensorboard: z.union([path, z.boolean()]).default(false),
  maxRestarts: z.int().nonnegative().default(10),
  role: roleSchema.optional(),
  signal: signalField,
  ...listenerFields,
});

type ParsedOptions = Omit<z.infer<typeof optionsSchema>, 'role'> & { readonly role: WorkerRole | undefined };

function checkedOptions(options: TrainOptions): ParsedOptions {
  const parsed = parseOptions(optionsSchema, options, 'train');
  return { ...parsed, role: parsed.role && checkedRole(parsed.role, options.role!) };
}

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
    const parsed = checkedOptions(options);
    const { out, resume, overwrite, changedData, engine, threads, role, signal } = parsed;
    if (resume && overwrite) throw new UsageError('resume and overwrite: leave one of them out');
    const run = { out, resume, overwrite, changedData, engine, threads };
    const hasProcesses = isTogether(parsed);
    if (hasProcesses && role)
      throw new UsageError('role: is for servers that others started; leave out workers and servers');
    if (isModelInMemory(training) && hasProcesses) throw modelInMemory;
    const cluster = hasProcesses ? clusterOptions({ ...parsed, mode: modeOf(training) }, out) : undefined;
    await using observer = await observerOf(parsed);
    const watched = (events: AsyncIterable<RunEvent>) => seenBy(observer, events);
    if (isModelInMemory(training)) {
      yield* watched(trainInMemory(await ownTask(training), parsed));
      return;
    }
    const data = await jobDataOf(training, run);
    if (cluster) {
      const { launchCluster } = await import('../cluster/launch.js');
      const onServers = observer && ((status: RunStatusReader) => observer.watch(status));
      yield* eventsOfChief(launchCluster(data, { ...cluster, signal, onServers }), observer);
      return;
    }
    const { requestOf } = await import('../cluster/job-data.js');
    yield* watched(recordedRun({ request: await requestOf(data), ...(role ? { role, leave: signal } : { signal }) }));
  });
}

/** Returns the mode that is given; the default one allows whatever the cluster is told. */
function modeOf(training: Training): Mode | undefined {
  return 'mode' in training ? training.mode : undefined;
}

/** Opens the observer of the run, which is with worker 0 if others have started the servers. */
async function observerOf(options: ParsedOptions): Promise<RunObserver | undefined> {
  const { out, role, insecurePublic, dashboard, tensorboard } = options;
  if (role && role.worker !== 0) return undefined;
  const place = role && { run: runOfServers(role.serverAddresses), role: 'worker 0' };
  const shown = { dashboard: dashboard || undefined, tensorboard: tensorboard || undefined };
  return openObserver({ out, insecurePublic, ...shown }, place);
}

async function* seenBy(
  observer: RunObserver | undefined,
  events: AsyncIterable<RunEvent>,
): AsyncGenerator<RunEvent, void, undefined> {
  for await (const event of events) {
    observer?.add(event);
    yield event;
  }
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
  yield* recordedRun({ request, ...(role ? { role, leave: signal } : { signal }) });
  if (role && role.worker !== 0) return;
  const { parameters } = await readTaskCheckpoint(out, task);
  for (const [name, variable] of task.trainable.variables) {
    tf.tidy(() => variable.assign(tf.tensor(parameters[name]!, variable.shape)));
  }
}

/** Yields the events of the worker that evaluates and writes the checkpoints, as one process would. */
async function* eventsOfChief(
  events: AsyncIterable<WorkerEvent>,
  observer: RunObserver | undefined,
): AsyncGenerator<RunEvent, void, undefined> {
  const chief = new ChiefEvents();
  for await (const { worker, event } of events) {
    if (worker === 0) observer?.add(event);
    if (chief.includes(event, worker)) yield event;
  }
}
