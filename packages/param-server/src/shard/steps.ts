/**
 * What a shard's heart asks of the steps of one generation of a run, whether workers make each together
 * (`synchronous-steps.ts`) or go each at its own pace (`own-pace-steps.ts`); and how both turn requests down.
 */
import type { Answer, Request, RequestOf } from './messages.js';
import { Refusal } from './refusal.js';

/** Where a worker that joins takes up the run. */
export type Standing = Pick<
  Extract<Answer, { type: 'joined' }>,
  'step' | 'appliedSumOfSquares' | 'pendingSumOfSquares'
>;

/** Requests that wait for workers, and those that they wait for. */
export interface Wait {
  readonly requests: readonly Request[];
  readonly workers: readonly number[];
}

export interface Steps {
  readonly generation: number;
  /** How far the run has come: what every worker has done. */
  readonly step: number;
  readonly lease: number;
  readonly isUpdating: boolean;
  standing(worker: number): Standing;
  /** Whether a worker at this step may go on reading what it is being sent. */
  isReadableAt(step: number): boolean;
  push(request: RequestOf<'push'>, now: number): void;
  pull(request: RequestOf<'pull'>, now: number): void;
  /** The update that was asked for is made. */
  updated(now: number): void;
  /** The snapshot before is on disk: the next one, if it is due, can be taken. */
  snapshotWritten(now: number): void;
  /** Who waits for which of these workers. */
  wait(workers: readonly number[]): Wait;
}

/** How far the run has come, in a message. */
export function whereIn(steps: Steps | undefined): string {
  return steps ? `at step ${steps.step}` : 'before it initialised the parameters';
}

/** What was asked for has not arrived. */
export function incomplete(what: string): Refusal {
  return new Refusal('failed-precondition', `${what} not arrived completely; upload all of the vector first`);
}

export function passed(worker: number, step: number, at: number): Refusal {
  return new Refusal('aborted', `worker ${worker} pulls step ${step}, the shard is at ${at}`);
}
