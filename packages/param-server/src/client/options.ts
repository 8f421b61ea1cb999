/** The options, inputs and results of a parameter client. */
import type { GradientCodec } from '../codecs/codec.js';
import type { WorkerMeter } from '../metrics/worker-meter.js';
import type { ClientSecurity } from '../security/client-security.js';
import type { Severity } from '../shard/messages.js';
import type { RowReader } from '../tables/row-chunks.js';
import type { NamedGradients } from '../vectors/gradient-rows.js';
import type { ModelDescription } from '../vectors/model.js';
import type { NamedValues } from '../vectors/shard-vector.js';
import type { SnapshotPolicy } from './resumption.js';

export interface ParameterClientOptions extends ModelDescription {
  /** Addresses as `host:port`, in the order of their shards. */
  readonly serverAddresses: readonly string[];
  /** This worker's index, in `[0, workers)`. */
  readonly worker: number;
  readonly workers: number;
  /** The encoding of gradients; by default they travel as they are. All workers must use the same. */
  readonly codec?: GradientCodec;
  /**
   * Held-back gradients are dropped at steps that are multiples of this, and at the servers' snapshots. From such
   * steps, a run that lost its workers can continue.
   */
  readonly forgetEvery?: number;
  /** The version of Unroll; the servers must have the same. */
  readonly version: string;
  /** Must match the servers' settings; by default no TLS and no token. */
  readonly security?: ClientSecurity;
  /** Used only for the chief: worker 0, or the worker that has taken its place in an elastic run. */
  readonly start: StartPoint;
  /** How long to wait, in seconds, for a server that does not answer because it starts late or is being restarted. */
  readonly serverTimeoutSeconds?: number;
  /** @deprecated The former name of {@link serverTimeoutSeconds}. */
  readonly patienceSeconds?: number;
  /** The deadline of every call, in seconds: the longest step of the slowest worker must fit. */
  readonly callSeconds?: number;
  /** Receives lines for the person who runs the worker. */
  readonly onNotice?: (line: string, severity: Severity) => void;
  /** Counts the worker's activity and reports it to the first server. The caller marks where steps begin and end. */
  readonly meter?: WorkerMeter;
}

/** The point that a run starts from, and returns to if servers are lost before their first snapshot. */
export interface StartPoint {
  /** Called each time the servers need the values. */
  readonly values: () => Promise<InitialValues>;
  /** The number of updates contained in the values: 0, or the checkpoint's step. */
  readonly step?: number;
  /**
   * How to treat snapshots that servers hold when the run starts. The default refuses, so that nothing is lost without
   * being asked for.
   */
  readonly snapshots?: SnapshotPolicy;
}

export interface InitialValues {
  readonly parameters: NamedValues;
  /** Readers of row tables that are missing in `parameters`: a table need not fit in any worker's memory. */
  readonly tables?: Readonly<Record<string, RowReader>>;
  /** The optimizer's state for resuming, by slot, then by parameter; zeros where missing. */
  readonly slots?: Readonly<Record<string, NamedValues>>;
  /** The states of the lanes, `[lanes, width]`; zeros if absent. */
  readonly laneStates?: Float32Array;
}

/** The contents of a checkpoint. */
export interface Snapshot {
  readonly step: number;
  readonly parameters: NamedValues;
  readonly slots: Readonly<Record<string, NamedValues>>;
  /** The states of all lanes, `[lanes, width]`. */
  readonly laneStates: Float32Array;
}

export interface StepOptions {
  /**
   * The gradient of the loss of this worker's lanes, by parameter name. The servers sum the workers' gradients. Where
   * workers go at their own pace, it is a gradient by itself, which the servers clip. A gradient with few nonzero rows
   * may be passed as those rows. Row tables require this form.
   */
  readonly gradients: NamedGradients;
  /** Gradients that are still being computed. They are sent after the others, when they are ready. */
  readonly later?: Promise<NamedGradients>;
  /** The learning rate of this step. Where all workers make it together, each must pass the same. */
  readonly learningRate: number;
  /**
   * The states of this worker's lanes after the step, `[lanes of this worker, width]`: everything that its next step
   * needs.
   */
  readonly laneStates: Float32Array;
  /**
   * The parameters that the next step needs first. The update is done when they have arrived, and {@link
   * ParameterClient.settle} waits for the others. By default the update waits for all.
   */
  readonly first?: ReadonlySet<string>;
}

export interface StepResult {
  /** The global norm of the gradient before clipping. */
  readonly gradientNorm: number;
  /**
   * The number of other workers' updates between this worker's last pull and its push; 0 where all make each step
   * together.
   */
  readonly staleness: number;
}
