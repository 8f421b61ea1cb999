/**
 * The messages that the deterministic heart of a shard receives, and the effects it returns. The heart never reads the
 * arrays of numbers that pass through it. Arithmetic is an effect, so its decisions can be replayed without any
 * arithmetic.
 */
import type { ModelDescription } from '../vectors/model.js';
import type { RowGradient } from '../vectors/row-gradient.js';
import type { SparseVector } from '../vectors/sparse-vector.js';

/**
 * A process that claims to be a worker of the run. If two claim the same index, the one that joined later is believed.
 */
export interface Caller {
  readonly worker: number;
  /** A random number that tells the processes of one worker apart. It says nothing about their order. */
  readonly incarnation: number;
  /**
   * The run's generation when the caller joined. It grows when the servers get values from a checkpoint or a snapshot.
   */
  readonly generation: number;
  /** The number of the lane lease when the caller joined. It grows when lanes move to other workers. */
  readonly lease: number;
}

/** A range of sequences of the global batch: `from` inclusive, `to` exclusive. */
export interface LaneRange {
  readonly from: number;
  readonly to: number;
}

/** A worker's description of the run that it joins. */
export interface RunDescription {
  readonly version: string;
  readonly workers: number;
  readonly shard: number;
  readonly shards: number;
  readonly model: ModelDescription;
}

/** The values that a shard holds. */
export interface ShardValues {
  readonly parameters: Float32Array;
  /** The optimizer's state by name, each as long as the parameters. */
  readonly slots: Readonly<Record<string, Float32Array>>;
  /**
   * `[lanes · width]`: for each lane, everything that its next step needs. Held by the first shard; empty on the
   * others.
   */
  readonly lanes: Float32Array;
}

/** The data that a push brings. */
export interface Contribution {
  /** The gradient of the loss of the worker's lanes. A step's gradient is the sum over all lanes. */
  readonly gradient: SparseVector;
  /** The same gradient for the rows of the shard's tables, if it has any. */
  readonly rows?: RowGradient | undefined;
  /** The sum of squares of both, or a little more: the shell has computed it as the bytes came. */
  readonly sumOfSquares: number;
  /**
   * The state of the worker's lanes after the step, within a table of all lanes. Empty on shards other than the first.
   */
  readonly lanes: Float32Array;
}

/** A process's claim about its place in the order of joined processes, and about its role in the run. */
export interface Claim {
  /** The process's number in that order, handed out by the first shard; 0 if it has none yet. */
  readonly ordinal: number;
  /** For the first shard: the number of another process of this worker that some other shard knows. */
  readonly above: number;
  /** For the other shards: whether the first shard has made this worker the chief. */
  readonly isChief: boolean;
}

/** A request is answered or refused exactly once, under the number that the shell gave it. */
export type Request = { readonly request: number; readonly caller: Caller } & (
  | {
      readonly type: 'join';
      readonly run: RunDescription;
      /** Whether the caller's process holds back part of the gradients, which are lost if the process ends. */
      readonly holdsBack?: boolean;
      readonly claim?: Claim;
    }
  /** `values` is undefined if they did not arrive. */
  | {
      readonly type: 'initialize';
      readonly generation: number;
      readonly step: number;
      readonly values: ShardValues | undefined;
    }
  | { readonly type: 'restore'; readonly generation: number; readonly step: number }
  /** `contribution` is undefined if it did not arrive. */
  | {
      readonly type: 'push';
      readonly step: number;
      readonly lanes: LaneRange;
      /**
       * The workers that the first shard counted, from its `pushed` answer to this worker. Empty where all workers
       * count.
       */
      readonly counted: readonly number[];
      readonly learningRate: number;
      /** The sum of squares of the worker's whole gradient, where workers go at their own pace. */
      readonly sumOfSquares: number | undefined;
      readonly contribution: Contribution | undefined;
    }
  | { readonly type: 'commit'; readonly step: number; readonly sumOfSquares: number }
  /** `sumOfSquares` is the global sum over all shards; undefined if the worker does not know it. */
  | {
      readonly type: 'pull';
      readonly step: number;
      readonly sumOfSquares: number | undefined;
      /** Whether to answer only once all workers have made this step. Used where workers go at their own pace. */
      readonly meets: boolean;
    }
  | { readonly type: 'heartbeat' }
  /** `endsRun`: whether the training ends here, before its last step. */
  | { readonly type: 'finish'; readonly endsRun: boolean }
  | { readonly type: 'leave'; readonly isFinished: boolean }
);

/** A request without its number, which the host assigns. */
export type UnnumberedRequest = Request extends infer R ? (R extends Request ? Omit<R, 'request'> : never) : never;

export type RequestOf<Type extends Request['type']> = Extract<Request, { type: Type }>;

export type ShardMessage =
  | Request
  /** The caller of a request is gone and needs no answer. */
  | { readonly type: 'cancel'; readonly request: number }
  /**
   * The effect `measure` is done, with this result. The shell measures at once, so the generation cannot change
   * meanwhile.
   */
  | { readonly type: 'measured'; readonly sumOfSquares: number }
  /** The effect `update` is done. */
  | { readonly type: 'updated'; readonly generation: number }
  | { readonly type: 'update-failed'; readonly generation: number; readonly reason: string }
  /** The effect `update` would have made values that are not finite. `what` says which: `'kernel' would be Infinity`. */
  | { readonly type: 'diverged'; readonly generation: number; readonly what: string }
  /** The effect `read-snapshot` is done. */
  | {
      readonly type: 'snapshot-read';
      readonly generation: number;
      readonly step: number;
      readonly values: ShardValues;
    }
  | { readonly type: 'snapshot-unreadable'; readonly generation: number; readonly reason: string }
  /** The effect `snapshot` is done, whether or not it could be written to the disk. */
  | { readonly type: 'snapshot-written' }
  /** Time has passed. Silent workers are noticed through this message. */
  | { readonly type: 'tick' }
  /**
   * The server is about to stop. Requests that wait for workers are refused; those that wait for arithmetic are not.
   */
  | { readonly type: 'drain' };

export type Answer =
  | {
      readonly type: 'joined';
      /** The process's number in the order in which processes joined. */
      readonly ordinal: number;
      /** Whether this worker initializes the servers and writes the checkpoints. Only the first shard knows. */
      readonly isChief: boolean;
      /** Whether the chief has ended the training before its last step. Only the first shard knows. */
      readonly ended: boolean;
      readonly initialized: boolean;
      /** The incarnation of the chief that began the generation. */
      readonly begunBy: number | undefined;
      readonly generation: number;
      readonly lease: number;
      /** Undefined on shards other than the first, and before the shard has values. */
      readonly lanes: LaneRange | undefined;
      readonly step: number;
      readonly appliedSumOfSquares: number | undefined;
      readonly pendingSumOfSquares: number | undefined;
    }
  /** Another process of this worker has joined with the number `ordinal`, which is at least the caller's. */
  | { readonly type: 'superseded'; readonly ordinal: number }
  /** `counted` lists the workers whose gradients make the step, in the order of their lanes; empty if all count. */
  | {
      readonly type: 'pushed';
      readonly sumOfSquares: number;
      readonly counted: readonly number[];
      /** The number of other workers' updates between the worker's pull and this push. */
      readonly staleness: number;
    }
  | { readonly type: 'parameters'; readonly step: number }
  | { readonly type: 'beat'; readonly generation: number; readonly lease: number }
  | { readonly type: 'done' };

/** `warning`: somebody may have to act. `error`: something, such as a snapshot, was lost or will be. */
export type Severity = 'info' | 'warning' | 'error';

/**
 * `failed-precondition`: do not repeat. `peer-lost`: do not repeat; the cause is another worker's end. `aborted`,
 * `unavailable`: rejoin and go on from there. `internal`: a bug.
 */
export type RefusalCode = 'failed-precondition' | 'peer-lost' | 'aborted' | 'unavailable' | 'internal';

/**
 * Effects that take time (`read-snapshot`, `update`) carry the generation that asked for them, and so do the messages
 * that end them. The heart ignores a result from an earlier generation. The shell changes the values only when an
 * effect says so.
 */
export type ShardEffect =
  | { readonly type: 'answer'; readonly request: number; readonly answer: Answer }
  | { readonly type: 'refuse'; readonly request: number; readonly code: RefusalCode; readonly message: string }
  /** The run is known: allocates its vectors. */
  | { readonly type: 'adopt'; readonly run: RunDescription }
  | { readonly type: 'install'; readonly values: ShardValues }
  /** Reads a snapshot and answers with `snapshot-read` or `snapshot-unreadable`. */
  | { readonly type: 'read-snapshot'; readonly generation: number; readonly step: number }
  /**
   * Sets aside the snapshots of steps later than `after`, which the run has abandoned. Without `after`, sets aside all.
   */
  | { readonly type: 'set-aside'; readonly after: number | undefined }
  /**
   * Adds a contribution to the step's sum. Contributions come in the order of the lanes, whatever the order of arrival.
   */
  | { readonly type: 'add'; readonly contribution: Contribution; readonly lanes: LaneRange; readonly isFirst: boolean }
  /** Multiplies the gradient by `scale` and answers with `measured`, the sum of squares of the result. */
  | { readonly type: 'measure'; readonly scale: number }
  /** Applies the optimizer to the gradient and answers with `updated`. `step` is 1 for the first update. */
  | {
      readonly type: 'update';
      readonly generation: number;
      readonly step: number;
      readonly learningRate: number;
      readonly sumOfSquares: number;
      /** The number of updates made since the worker read the parameters that this gradient belongs to. */
      readonly staleness: number;
    }
  /** Copies the current values and writes the copy to disk; answers with `snapshot-written`. */
  | { readonly type: 'snapshot'; readonly step: number }
  /** A line for the person who runs the training. */
  | { readonly type: 'notice'; readonly severity: Severity; readonly line: string }
  /**
   * All workers have left. The run is complete if they had nothing left to do. `isAgreed` says that as many as the run
   * needs have said so: only then are the snapshots no longer needed, whatever one of them says.
   */
  | { readonly type: 'finish'; readonly isComplete: boolean; readonly isAgreed: boolean };
