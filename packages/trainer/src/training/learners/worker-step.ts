/** How a worker of parameter servers computes its lanes' part of a step, in any mode; made by the files `*-step.ts` and `local-round.ts`. */
import type { LaneRange, NamedGradients, ParameterClient } from '@unroll/param-server/client';
import type { Residents } from '../../engines/engine.js';
import type { LaneLosses } from './lane-losses.js';
import type { LossSum } from './learner.js';

/** A worker's part of a step. */
export interface Summand {
  readonly loss: LossSum;
  /** Gradients by parameter: the servers add those of all lanes and update with the sum. Valid until the next step. */
  readonly gradients: NamedGradients;
  /** Gradients that are still being computed. */
  readonly later?: Promise<NamedGradients>;
  /** The learning rate of the servers' update. */
  readonly learningRate: number;
}

export interface WorkerStep {
  readonly lanes: LaneRange;
  /** The lanes' recurrent state; after a step, the state that the next step starts from. */
  readonly recurrent: Residents;
  readonly losses: LaneLosses;
  /**
   * Reads the table rows that the step needs, before {@link compute}. Present where this worker holds only rows of the
   * tables.
   * @returns false if the servers were at another step
   */
  lookUp?(step: number, client: ParameterClient): Promise<boolean>;
  /** The parameters that {@link begin} reads; absent if there is no {@link begin}. */
  readonly first?: ReadonlySet<string>;
  /**
   * Begins to compute a step as soon as the {@link first} parameters are here; the others may still be on their way.
   */
  begin?(step: number): Promise<void>;
  /**
   * Computes this worker's part of a step.
   * @param learningRate the configured optimizer's
   */
  compute(step: number, learningRate: number): Promise<Summand>;
  dispose(): Promise<void>;
}
