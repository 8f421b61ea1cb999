/**
 * The interface between a shard's heart and the steps of one generation of a run. Workers make steps together
 * (`synchronous-steps.ts`) or each at its own pace (`own-pace-steps.ts`). Also holds the refusals that both use.
 */
import type { Answer, Request, RequestOf } from './messages.js';
import { Refusal } from './refusal.js';

/** The point at which a joining worker takes up the run. */
export type Standing = Pick<
  Extract<Answer, { type: 'joined' }>,
  'step' | 'appliedSumOfSquares' | 'pendingSumOfSquares'
>;

/** Waiting requests, and the workers that they wait for. */
export interface Wait {
  readonly requests: readonly Request[];
  readonly workers: readonly number[];
}

export interface Steps {
  readonly generation: number;
  /** How far the run has come: the step that every worker has completed. */
  readonly step: number;
  readonly lease: number;
  readonly isUpdating: boolean;
  standing(worker: number): Standing;
  /** Returns whether a worker at this step may go on reading what it is being sent. */
  isReadableAt(step: number): boolean;
  push(request: RequestOf<'push'>, now: number): void;
  pull(request: RequestOf<'pull'>, now: number): void;
  /** The update that has been requested, in words: `step 4`. */
  readonly updating: string;
  /** Called when the requested update has been made. */
  updated(now: number): void;
  /** Called when the previous snapshot is on disk: the next one, if due, can be taken. */
  snapshotWritten(now: number): void;
  /** Returns the requests that wait for any of these workers, and the workers they wait for. */
  wait(workers: readonly number[]): Wait;
}

/** Returns how far the run has come, worded for a message. */
export function whereIn(steps: Steps | undefined): string {
  return steps ? `at step ${steps.step}` : 'before it initialised the parameters';
}

/**
 * Returns the refusal of numbers that are not finite.
 * @param what what they are, in words
 */
export function diverged(what: string): Refusal {
  const why = 'training diverged; lower the learning rate or the clipping norm, then resume from the last checkpoint';
  return new Refusal('failed-precondition', `${what}: ${why}`);
}

/** Returns the refusal for a request whose data did not arrive completely. */
export function incomplete(what: string): Refusal {
  return new Refusal('failed-precondition', `${what} not arrived completely; upload all of the vector first`);
}

/** Returns the refusal of a sum of squares that the shard's own part of the gradient contradicts. */
export function falseNorm(worker: number, step: number, said: number, own: number): Refusal {
  return new Refusal(
    'failed-precondition',
    `worker ${worker} says that the squared norm of the gradient of step ${step} is ${said}, but on this server it is ${own}; ` +
      'end that worker, and use a client of this version',
  );
}

export function passed(worker: number, step: number, at: number): Refusal {
  return new Refusal('aborted', `worker ${worker} pulls step ${step}, the shard is at ${at}`);
}
