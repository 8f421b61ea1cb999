/** What the caller of a parameter client gives and gets. */
import type { GradientCodec } from '../codecs/codec.js';
import type { ModelDescription } from '../model.js';
import type { ClientSecurity } from '../security/client-security.js';
import type { Severity } from '../shard/messages.js';
import type { NamedValues } from '../shard-vector.js';
import type { RowReader } from '../tables/row-chunks.js';
import type { NamedGradients } from './gradient-rows.js';
import type { SnapshotPolicy } from './resumption.js';
import type { WorkerMeter } from './worker-meter.js';

export interface ParameterClientOptions extends ModelDescription {
  /** Addresses as `host:port`, in the order of their shards. */
  readonly servers: readonly string[];
  /** This worker's index, in `[0, workers)`. */
  readonly worker: number;
  readonly workers: number;
  /** How gradients travel; by default as they are. Every worker must have the same. */
  readonly codec?: GradientCodec;
  /**
   * What a codec holds back is forgotten at steps that are multiples of this, as at those of which the servers take
   * snapshots: such are the steps from which a run can go on that lost its workers.
   */
  readonly forgetEvery?: number;
  /** The version of Unroll, which the servers must have too. */
  readonly version: string;
  /** As the servers demand it; by default no TLS and no token. */
  readonly security?: ClientSecurity;
  /** Asked of the chief only: worker 0, or in an elastic run the worker that has taken its place. */
  readonly start: RunStart;
  /** How long to wait for a server that does not answer: that starts late, or that was killed and is started again. */
  readonly patienceSeconds?: number;
  /** The longest that a step may take the slowest worker: the deadline of every call. */
  readonly callSeconds?: number;
  /** Takes lines for the person who runs the worker. */
  readonly onNotice?: (line: string, severity: Severity) => void;
  /** Counts what the worker does, for the first server to be told: the caller says when steps begin and end. */
  readonly meter?: WorkerMeter;
}

/** What a run starts from, and goes back to if servers are lost before their first snapshot. */
export interface RunStart {
  /** Called each time the servers need them. */
  readonly values: () => Promise<InitialValues>;
  /** Updates that the values have seen: 0, or the checkpoint's. */
  readonly step?: number;
  /** What to do if servers have snapshots when the run starts; by default to refuse, so that nothing is lost unasked. */
  readonly snapshots?: SnapshotPolicy;
}

export interface InitialValues {
  readonly parameters: NamedValues;
  /** Of tables by rows that `parameters` has not: so a table need not be in the memory of any worker. */
  readonly tables?: Readonly<Record<string, RowReader>>;
  /** The optimizer's state by slot, then by parameter, to resume with; zeros where it is missing. */
  readonly slots?: Readonly<Record<string, NamedValues>>;
  /** The states of the lanes, `[lanes, width]`; zeros if absent. */
  readonly laneStates?: Float32Array;
}

/** What a checkpoint holds. */
export interface Snapshot {
  readonly step: number;
  readonly parameters: NamedValues;
  readonly slots: Readonly<Record<string, NamedValues>>;
  /** Of all lanes, `[lanes, width]`. */
  readonly laneStates: Float32Array;
}

export interface StepOptions {
  /**
   * This worker's summand of the gradient, by parameter name: of the loss of its lanes. The servers only add. Where workers
   * go at their own pace, a gradient by itself, which the servers clip. Of one with few rows that are not zero, those rows will do; of a
   * table by rows they must be given so.
   */
  readonly gradients: NamedGradients;
  /** Those that are still being computed: they are sent after the others, when they come. */
  readonly later?: Promise<NamedGradients>;
  /** Of this step; where all make it together, every worker must give the same. */
  readonly learningRate: number;
  /** The states of this worker's lanes after the step, `[lanes of this worker, width]`: all that its next step needs. */
  readonly laneStates: Float32Array;
  /**
   * The parameters that the next step needs first: the update is done when they have come, and
   * {@link ParameterClient.settle} waits for the others. By default all are waited for.
   */
  readonly first?: ReadonlySet<string>;
}

export interface StepResult {
  /** The global norm of the gradient before clipping. */
  readonly gradientNorm: number;
  /** The updates that other workers made between this worker's last pull and its push; 0 where all make each step together. */
  readonly staleness: number;
}
