/**
 * What the deterministic heart of a shard hears (messages) and says (effects). Arrays of numbers pass through it unread:
 * arithmetic is an effect, so the heart's decisions can be replayed without any.
 */
import type { ModelDescription } from '../model.js';

/** A process that claims to be a worker of the run. Of two that claim the same index, the greater incarnation is believed. */
export interface Caller {
  readonly worker: number;
  readonly incarnation: number;
}

/** What a worker believes about the run that it joins. */
export interface RunDescription {
  readonly version: string;
  readonly workers: number;
  readonly shard: number;
  readonly shards: number;
  readonly model: ModelDescription;
}

/** The vectors of a shard: its parameters and, by name, the optimizer's state for them, all of the same length. */
export interface ShardValues {
  readonly parameters: Float32Array;
  readonly slots: Readonly<Record<string, Float32Array>>;
}

/** A request is answered or refused exactly once, under the number that the shell gave it. */
export type Request = { readonly request: number; readonly caller: Caller } & (
  | { readonly type: 'join'; readonly run: RunDescription }
  /** `values` is undefined if they did not arrive. */
  | { readonly type: 'initialize'; readonly step: number; readonly values: ShardValues | undefined }
  /** `gradient` is undefined if it did not arrive. */
  | {
      readonly type: 'push';
      readonly step: number;
      readonly learningRate: number;
      readonly gradient: Float32Array | undefined;
    }
  /** `sumOfSquares` is the global one, over all shards; undefined if the worker does not know it. */
  | { readonly type: 'pull'; readonly step: number; readonly sumOfSquares: number | undefined }
  | { readonly type: 'heartbeat' }
  | { readonly type: 'leave' }
);

export type ShardMessage =
  | Request
  /** The caller of a request is gone; nothing needs to be said to it. */
  | { readonly type: 'cancel'; readonly request: number }
  /** The effect `average` is done, and this is its result. */
  | { readonly type: 'averaged'; readonly sumOfSquares: number }
  /** The effect `update` is done. */
  | { readonly type: 'updated' }
  | { readonly type: 'update-failed'; readonly reason: string }
  /** Time passes, which is how a silent worker is noticed. */
  | { readonly type: 'tick' }
  /** The server is to stop: requests that wait for workers are refused, those that wait for arithmetic are not. */
  | { readonly type: 'drain' };

export type Answer =
  | {
      readonly type: 'joined';
      readonly initialized: boolean;
      readonly step: number;
      readonly appliedSumOfSquares: number | undefined;
      readonly pendingSumOfSquares: number | undefined;
    }
  | { readonly type: 'pushed'; readonly sumOfSquares: number | undefined }
  | { readonly type: 'parameters'; readonly step: number }
  | { readonly type: 'done' };

/** `failed-precondition`: do not repeat; `aborted`: join again and repeat; the others mean what gRPC means by them. */
export type RefusalCode = 'failed-precondition' | 'aborted' | 'unavailable' | 'internal';

export type ShardEffect =
  | { readonly type: 'answer'; readonly request: number; readonly answer: Answer }
  | { readonly type: 'refuse'; readonly request: number; readonly code: RefusalCode; readonly message: string }
  /** The run is known: make room for its vectors. */
  | { readonly type: 'adopt'; readonly run: RunDescription }
  | { readonly type: 'install'; readonly values: ShardValues }
  /** Adds a gradient to the step's sum. These come in worker order, whatever the order of arrival. */
  | { readonly type: 'add'; readonly gradient: Float32Array; readonly isFirst: boolean }
  /** Divides the sum by the number of workers and answers with `averaged`. */
  | { readonly type: 'average'; readonly workers: number }
  /** Applies the optimizer to the averaged gradient and answers with `updated`. `step` is 1 for the first update. */
  | {
      readonly type: 'update';
      readonly step: number;
      readonly learningRate: number;
      readonly sumOfSquares: number;
    }
  /** All workers have left. */
  | { readonly type: 'finish' };
