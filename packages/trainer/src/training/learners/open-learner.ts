/** Opens a run's learner, alone or joined to the parameter servers, together with the connections and resources to close. */
import {
  type ClientSecurity,
  connectParameterServers,
  type InitialValues,
  type ParameterClient,
  type ParameterClientOptions,
  type ParameterShape,
  WorkerMeter,
} from '@unroll/param-server/client';
import { stalenessBound, updateOptimizer } from '../../configuration/modes.js';
import type { TrainingRecipe } from '../../configuration/recipe.js';
import type { Engine } from '../../engines/engine.js';
import { version } from '../../version.js';
import { clientCodec } from '../gradient-codec.js';
import type { TrainingJob } from '../job.js';
import { isOnThisMachine } from '../server-places.js';
import { stepPlan } from '../step-plan.js';
import { DistributedLearner } from './distributed-learner.js';
import { LaneLosses } from './lane-losses.js';
import { laneWidth, packLanes } from './lane-states.js';
import type { Learner, LearnerOptions } from './learner.js';
import { createLocalLearner } from './local-learner.js';

/** This process's place among the workers of a parameter server. */
export interface WorkerRole {
  /** Addresses as `host:port`, in the order of their shards. */
  readonly serverAddresses: readonly string[];
  /** In [0, workers). Worker 0 evaluates and writes the checkpoints, unless it is lost in an elastic run. */
  readonly worker: number;
  readonly workers: number;
  /** Timeout for servers that do not answer, in seconds. */
  readonly serverTimeout?: number | undefined;
  /** Credentials that the servers require; none by default. */
  readonly security?: ClientSecurity | undefined;
  /** Receives lines for the person who runs the worker: what it waits for, and what blocks it. */
  readonly onNotice?: ParameterClientOptions['onNotice'] | undefined;
}

/** A learner with its open connections and resources. */
export interface OpenLearner extends AsyncDisposable {
  readonly learner: Learner;
  /** Whether other processes continue the run if this one ends. */
  readonly mayLeave: boolean;
}

export async function openLearner(
  engine: Engine,
  job: TrainingJob,
  role: WorkerRole | undefined,
): Promise<OpenLearner> {
  const { model, training, batchesOf, tables, start } = job;
  const options: LearnerOptions = { engine, model, training, batchesOf, tables };
  if (role) return joinServers(options, job, role);
  const learner = await createLocalLearner(options, { ...start, parameters: start.parameters() });
  return { learner, mayLeave: false, [Symbol.asyncDispose]: () => learner.dispose() };
}

async function joinServers(options: LearnerOptions, job: TrainingJob, role: WorkerRole): Promise<OpenLearner> {
  const meter = new WorkerMeter();
  const client = connect(job, role, meter);
  try {
    const overlaps = !role.serverAddresses.every(isOnThisMachine);
    const learner = await DistributedLearner.create({ ...options, overlaps }, client, meter);
    return {
      learner,
      mayLeave: client.mayLeave,
      [Symbol.asyncDispose]: async () => {
        await client.close();
        await learner.dispose();
      },
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** While the chief evaluates, the others wait for its push. */
const slowestEvaluationSeconds = 6 * 3600;

function connect(job: TrainingJob, role: WorkerRole, meter: WorkerMeter): ParameterClient {
  const { serverAddresses, worker, workers, serverTimeout, security, onNotice } = role;
  const { model, training, start } = job;
  return connectParameterServers({
    serverAddresses,
    worker,
    workers,
    version,
    parameters: parametersOf(job),
    optimizer: updateOptimizer(training),
    clipNorm: clipsOnServers(training) ? training.clipNorm : undefined,
    codec: clientCodec(training),
    // A checkpoint does not contain the gradients that workers hold back, so they are dropped at the end of each epoch.
    forgetEvery: stepPlan(job).stepsPerEpoch,
    lanes: { count: training.batchSize, width: laneWidth(model) },
    staleness: stalenessBound(training.mode),
    run: job.fingerprint,
    meter,
    ...(onNotice ? { onNotice } : {}),
    start: { step: start.step, values: async () => startValues(job), snapshots: job.snapshots },
    callSeconds: slowestEvaluationSeconds,
    ...(security ? { security } : {}),
    ...(serverTimeout === undefined ? {} : { serverTimeoutSeconds: serverTimeout }),
  });
}

function parametersOf({ model, tables }: TrainingJob): ParameterShape[] {
  return Object.entries(model.parameters).map(([name, shape]) =>
    tables?.names.has(name) ? { name, shape, byRows: true } : { name, shape },
  );
}

/**
 * Whether the servers clip the gradient. The result of a round of local steps is not clipped. With top-k the workers
 * clip, before they hold back.
 */
function clipsOnServers({ mode, gradientCodec }: TrainingRecipe): boolean {
  return mode.name !== 'local' && gradientCodec.name !== 'top-k';
}

function startValues({ model, training, start }: TrainingJob): InitialValues {
  const { recurrent } = start;
  return {
    parameters: start.parameters(),
    slots: slotsByName(start.slots ?? {}),
    ...(recurrent ? { laneStates: packLanes(model, recurrent, new LaneLosses(training.batchSize)) } : {}),
  };
}

/** Nests arrays by slot and name: `m/lstm.0.kernel` → m → lstm.0.kernel. */
function slotsByName(slots: Readonly<Record<string, Float32Array>>): Record<string, Record<string, Float32Array>> {
  const nested: Record<string, Record<string, Float32Array>> = {};
  for (const [name, values] of Object.entries(slots)) {
    const slash = name.indexOf('/');
    const slot = name.slice(0, slash);
    nested[slot] ??= {};
    nested[slot][name.slice(slash + 1)] = values;
  }
  return nested;
}
