/**
 * What the deterministic heart of a shard hears (messages) and says (effects). Arrays of numbers pass through it unread:
 * arithmetic is an effect, so the heart's decisions can be replayed without any.
 */
import type { ModelDescription } from '../model.js';
import type { SparseVector } from '../sparse-vector.js';
import type { RowGradient } from '../tables/row-gradient.js';

/** A process that claims to be a worker of the run. Of two that claim the same index, the one that joined later is believed. */
export interface Caller {
  readonly worker: number;
  /** A random number, by which the processes of one worker are told apart. It says nothing about their order. */
  readonly incarnation: number;
  /** Of the run when the caller joined: it grows when the servers get values from a checkpoint or a snapshot. */
  readonly generation: number;
  /** Of the lanes when the caller joined: it grows when they go to other workers. */
  readonly lease: number;
}

/** Sequences of the global batch, from `from` up to and without `to`. */
export interface LaneRange {
  readonly from: number;
  readonly to: number;
}

/** What a worker believes about the run that it joins. */
export interface RunDescription {
  readonly version: string;
  readonly workers: number;
  readonly shard: number;
  readonly shards: number;
  readonly model: ModelDescription;
}

/** What a shard holds. */
export interface ShardValues {
  readonly parameters: Float32Array;
  /** The optimizer's state by name, each as long as the parameters. */
  readonly slots: Readonly<Record<string, Float32Array>>;
  /** `[lanes · width]`: of each lane, all that its next step needs. On the first shard; empty on the others. */
  readonly lanes: Float32Array;
}

/** What a push brings. */
export interface Contribution {
  /** Of the loss of the worker's lanes; the gradient of a step is the sum over all lanes. */
  readonly gradient: SparseVector;
  /** The same of the shard's tables, if it has any. */
  readonly rows?: RowGradient | undefined;
  /** The state of its lanes after the step, within a table of all lanes; empty on shards but the first. */
  readonly lanes: Float32Array;
}

/** What a process says about its place in the order of the processes that have joined, and in the run. */
export interface Claim {
  /** The process's number in that order, which the first shard has handed out; 0 if it has none yet. */
  readonly ordinal: number;
  /** To the first shard: another shard knows of a process of this worker with this number. */
  readonly above: number;
  /** To shards but the first: the first has said that this worker is the chief. */
  readonly isChief: boolean;
}

/** A request is answered or refused exactly once, under the number that the shell gave it. */
export type Request = { readonly request: number; readonly caller: Caller } & (
  | {
      readonly type: 'join';
      readonly run: RunDescription;
      /** The caller's process keeps a part of the gradients that is lost with it. */
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
      /** What the first shard answered to the worker's push: see `pushed`. Empty where all workers count. */
      readonly counted: readonly number[];
      readonly learningRate: number;
      /** Of the worker's whole gradient, where workers go at their own pace. */
      readonly sumOfSquares: number | undefined;
      readonly contribution: Contribution | undefined;
    }
  | { readonly type: 'commit'; readonly step: number; readonly sumOfSquares: number }
  /** `sumOfSquares` is the global one, over all shards; undefined if the worker does not know it. */
  | {
      readonly type: 'pull';
      readonly step: number;
      readonly sumOfSquares: number | undefined;
      /** Where workers go at their own pace: to be answered when all have made this step. */
      readonly meets: boolean;
    }
  | { readonly type: 'heartbeat' }
  | { readonly type: 'finish' }
  | { readonly type: 'leave'; readonly isFinished: boolean }
);

export type RequestOf<Type extends Request['type']> = Extract<Request, { type: Type }>;

export type ShardMessage =
  | Request
  /** The caller of a request is gone; nothing needs to be said to it. */
  | { readonly type: 'cancel'; readonly request: number }
  /** The effect `measure` is done, and this is its result. The shell measures at once, so no generation can pass meanwhile. */
  | { readonly type: 'measured'; readonly sumOfSquares: number }
  /** The effect `update` is done. */
  | { readonly type: 'updated'; readonly generation: number }
  | { readonly type: 'update-failed'; readonly generation: number; readonly reason: string }
  /** The effect `read-snapshot` is done. */
  | {
      readonly type: 'snapshot-read';
      readonly generation: number;
      readonly step: number;
      readonly values: ShardValues;
    }
  | { readonly type: 'snapshot-unreadable'; readonly generation: number; readonly reason: string }
  /** The effect `snapshot` is done, whether or not the disk took it. */
  | { readonly type: 'snapshot-written' }
  /** Time passes, which is how a silent worker is noticed. */
  | { readonly type: 'tick' }
  /** The server is to stop: requests that wait for workers are refused, those that wait for arithmetic are not. */
  | { readonly type: 'drain' };

export type Answer =
  | {
      readonly type: 'joined';
      /** The process's number in the order of those that have joined. */
      readonly ordinal: number;
      /** Whether this worker gives servers their values and writes the checkpoints. Only the first shard knows. */
      readonly isChief: boolean;
      readonly initialized: boolean;
      /** The incarnation of the chief that began the generation. */
      readonly begunBy: number | undefined;
      readonly generation: number;
      readonly lease: number;
      /** Undefined on shards but the first, and before it has values. */
      readonly lanes: LaneRange | undefined;
      readonly step: number;
      readonly appliedSumOfSquares: number | undefined;
      readonly pendingSumOfSquares: number | undefined;
    }
  /** Another process of this worker has joined with the number `ordinal`, which is not below the caller's. */
  | { readonly type: 'superseded'; readonly ordinal: number }
  /** `counted` are the workers of which the step is made, in the order of their lanes; empty where all are. */
  | {
      readonly type: 'pushed';
      readonly sumOfSquares: number;
      readonly counted: readonly number[];
      /** The updates of others between the worker's pull and this push. */
      readonly staleness: number;
    }
  | { readonly type: 'parameters'; readonly step: number }
  | { readonly type: 'beat'; readonly generation: number; readonly lease: number }
  | { readonly type: 'done' };

/** `warning`: somebody may have to act; `error`: something was lost or will be, such as a snapshot. */
export type Severity = 'info' | 'warning' | 'error';

/** `failed-precondition`: do not repeat; `aborted`, `unavailable`: join again and go on from there; `internal`: a bug. */
export type RefusalCode = 'failed-precondition' | 'aborted' | 'unavailable' | 'internal';

/**
 * Effects that take time (`read-snapshot`, `update`) carry the generation that asked for them, and so do the messages that
 * end them: the heart ignores a result whose generation has passed. The shell changes the values only when told to.
 */
export type ShardEffect =
  | { readonly type: 'answer'; readonly request: number; readonly answer: Answer }
  | { readonly type: 'refuse'; readonly request: number; readonly code: RefusalCode; readonly message: string }
  /** The run is known: make room for its vectors. */
  | { readonly type: 'adopt'; readonly run: RunDescription }
  | { readonly type: 'install'; readonly values: ShardValues }
  /** Reads a snapshot and answers with `snapshot-read` or `snapshot-unreadable`. */
  | { readonly type: 'read-snapshot'; readonly generation: number; readonly step: number }
  /** Sets aside the snapshots of steps after this one, which the run has left; without `after`, all. */
  | { readonly type: 'set-aside'; readonly after: number | undefined }
  /** Adds a contribution to the step's. These come in the order of the lanes, whatever the order of arrival. */
  | { readonly type: 'add'; readonly contribution: Contribution; readonly lanes: LaneRange; readonly isFirst: boolean }
  /** Multiplies the gradient by `scale` and answers with `measured`: the sum of squares of that. */
  | { readonly type: 'measure'; readonly scale: number }
  /** Applies the optimizer to the gradient and answers with `updated`. `step` is 1 for the first update. */
  | {
      readonly type: 'update';
      readonly generation: number;
      readonly step: number;
      readonly learningRate: number;
      readonly sumOfSquares: number;
      /** The updates that were made since the parameters were read of which the gradient is. */
      readonly staleness: number;
    }
  /** Copies the values as they are now and writes the copy to disk; answers with `snapshot-written`. */
  | { readonly type: 'snapshot'; readonly step: number }
  /** Something that the person who runs the training should know. */
  | { readonly type: 'notice'; readonly severity: Severity; readonly line: string }
  /** All workers have left; the run is complete if they had nothing left to do. */
  | { readonly type: 'finish'; readonly isComplete: boolean };
