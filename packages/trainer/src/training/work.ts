/** Creates a run's learner, alone or joined to the parameter servers, together with what it must close. */
import { createHash } from 'node:crypto';
import { initialParameters, parameterShapes } from '@unroll/core';
import {
  type ClientSecurity,
  connectParameterServers,
  type InitialValues,
  type ParameterClient,
  type ParameterClientOptions,
  type ParameterShape,
  type SnapshotPolicy,
  WorkerMeter,
} from '@unroll/param-server';
import { isOnThisMachine } from '../cluster/server-addresses.js';
import { LaneBatches } from '../data/batches.js';
import { windowsOf } from '../data/token-ids.js';
import type { Engine } from '../engines/engine.js';
import { UnrollError } from '../errors.js';
import { version } from '../version.js';
import type { LaneSlice } from './batch-inputs.js';
import { type TrainingConfig, updateOptimizer } from './config.js';
import { DistributedLearner } from './distributed-learner.js';
import { clientCodec } from './gradient-codec.js';
import { LaneLosses } from './lane-losses.js';
import { laneWidth, packLanes } from './lane-states.js';
import type { Learner, LearnerOptions } from './learner.js';
import { createLocalLearner } from './local-learner.js';
import { stalenessBound } from './modes.js';
import type { PreparedTraining, TrainingRequest } from './prepare.js';
import { tableNames } from './softmax.js';
import { StepPlan } from './step-plan.js';

/** This process's place among the workers of a parameter server. */
export interface WorkerRole {
  /** Addresses as `host:port`, in the order of their shards. */
  readonly servers: readonly string[];
  /** In [0, workers). Worker 0 evaluates and writes the checkpoints, unless it is lost in an elastic run. */
  readonly worker: number;
  readonly workers: number;
  /** Timeout for servers that do not answer, in seconds. */
  readonly serverTimeoutSeconds?: number;
  /** Credentials that the servers require; none by default. */
  readonly security?: ClientSecurity;
  /** Receives lines for the person who runs the worker: what it waits for, and what blocks it. */
  readonly onNotice?: ParameterClientOptions['onNotice'];
}

/** A learner with its open connections and resources. */
export interface Work extends AsyncDisposable {
  readonly learner: Learner;
  /** Whether other processes continue the run if this one ends. */
  readonly mayLeave: boolean;
}

export async function createWork(
  engine: Engine,
  prepared: PreparedTraining,
  request: TrainingRequest,
  role: WorkerRole | undefined,
): Promise<Work> {
  const { model, training } = prepared;
  const batchesOf = (lanes: LaneSlice) => laneBatches(prepared, lanes);
  const options: LearnerOptions = { engine, model, training, batchesOf };
  if (role) return joinServers(options, prepared, request, role);
  const { recurrent, slots } = prepared.resumed ?? {};
  const start = { step: prepared.resumed?.state.step ?? 0, parameters: startParameters(prepared), slots, recurrent };
  const learner = await createLocalLearner(options, start);
  return { learner, mayLeave: false, [Symbol.asyncDispose]: () => learner.dispose() };
}

/**
 * Reads the training text for some lanes of the batch.
 * @throws UnrollError if the text is too short
 */
function laneBatches({ train, training }: PreparedTraining, slice: LaneSlice): LaneBatches {
  try {
    const { batchSize: lanes, sequenceLength: window, seed } = training;
    return new LaneBatches(train, { lanes, window, slice, inEpoch: (epoch) => train.shuffled(seed, epoch) });
  } catch (error) {
    throw new UnrollError((error as Error).message);
  }
}

/**
 * Reads the training text for all lanes of the batch.
 * @throws UnrollError if the text is too short
 */
export function allLaneBatches(prepared: PreparedTraining): LaneBatches {
  return laneBatches(prepared, { from: 0, to: prepared.training.batchSize });
}

async function joinServers(
  options: LearnerOptions,
  prepared: PreparedTraining,
  request: TrainingRequest,
  role: WorkerRole,
): Promise<Work> {
  const meter = new WorkerMeter();
  const client = connect(prepared, request, role, meter);
  try {
    const overlaps = !role.servers.every(isOnThisMachine);
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

function connect(
  prepared: PreparedTraining,
  request: TrainingRequest,
  role: WorkerRole,
  meter: WorkerMeter,
): ParameterClient {
  const { servers, worker, workers, serverTimeoutSeconds, security, onNotice } = role;
  const { model, training, resumed } = prepared;
  return connectParameterServers({
    servers,
    worker,
    workers,
    version,
    parameters: parametersOf(prepared),
    optimizer: updateOptimizer(training),
    clipNorm: clipsOnServers(training) ? training.clipNorm : undefined,
    codec: clientCodec(training),
    // A checkpoint does not contain the gradients that workers hold back, so they are dropped at the end of each epoch.
    forgetEvery: stepsPerEpoch(prepared),
    lanes: { count: training.batchSize, width: laneWidth(model) },
    staleness: stalenessBound(training.mode),
    run: fingerprint(prepared),
    meter,
    ...(onNotice ? { onNotice } : {}),
    start: {
      step: resumed?.state.step ?? 0,
      values: async () => startValues(prepared),
      snapshots: snapshotPolicy(request),
    },
    callSeconds: slowestEvaluationSeconds,
    ...(security ? { security } : {}),
    ...(serverTimeoutSeconds === undefined ? {} : { patienceSeconds: serverTimeoutSeconds }),
  });
}

function parametersOf({ model, training }: PreparedTraining): ParameterShape[] {
  const tables = training.tables === 'rows' ? tableNames(model) : new Set<string>();
  return Object.entries(parameterShapes(model)).map(([name, shape]) =>
    tables.has(name) ? { name, shape, byRows: true } : { name, shape },
  );
}

/**
 * Whether the servers clip the gradient. The result of a round of local steps is not clipped. With top-k the workers
 * clip, before they hold back.
 */
function clipsOnServers({ mode, gradientCodec }: TrainingConfig): boolean {
  return mode.name !== 'local' && gradientCodec.name !== 'top-k';
}

function stepsPerEpoch(prepared: PreparedTraining): number {
  return new StepPlan(allLaneBatches(prepared).stepsPerEpoch, prepared.training.mode).stepsPerEpoch;
}

/** Treats the servers' snapshots like a checkpoint in `--out`. */
function snapshotPolicy({ resume, overwrite }: TrainingRequest): SnapshotPolicy {
  if (overwrite) return 'discard';
  return resume ? 'restore' : 'refuse';
}

/** Returns a hash that is equal for runs that compute the same, whatever their length. */
function fingerprint({ training, train }: PreparedTraining): string {
  const { epochs, maxSteps, ...computed } = training;
  const hash = createHash('sha256').update(JSON.stringify(computed));
  for (const ids of windowsOf(train)) hash.update(ids);
  return hash.digest('hex');
}

function startParameters({ model, training, resumed, initial }: PreparedTraining): Record<string, Float32Array> {
  if (resumed) return resumed.parameters;
  return initial ?? initialParameters(model, { seed: training.seed, range: training.initRange });
}

function startValues(prepared: PreparedTraining): InitialValues {
  const { model, training, resumed } = prepared;
  const recurrent = resumed?.recurrent;
  return {
    parameters: startParameters(prepared),
    slots: slotsByName(resumed?.slots ?? {}),
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
