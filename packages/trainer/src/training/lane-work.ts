/** What a worker of parameter servers computes on its lanes, in whichever mode; see `gradient-work.ts`, `local-work.ts`. */
import type { LaneRange, NamedGradients, ParameterClient } from '@unroll/param-server';
import type { Residents } from '../engines/engine.js';
import type { LaneLosses } from './lane-losses.js';
import type { LossSum } from './learner.js';

/** A worker's part of a step. */
export interface Summand {
  readonly loss: LossSum;
  /** By parameter: the servers add those of all lanes and update with the sum. Valid until the next step. */
  readonly gradients: NamedGradients;
  /** Those that are still being computed. */
  readonly later?: Promise<NamedGradients>;
  /** Of the servers' update. */
  readonly learningRate: number;
}

export interface LaneWork {
  readonly lanes: LaneRange;
  /** The lanes' recurrent state, after a step that which the next one starts from. */
  readonly recurrent: Residents;
  readonly losses: LaneLosses;
  /**
   * Where this worker holds only rows of the tables: reads those of the step, before {@link compute}.
   * @returns false if the servers were elsewhere
   */
  lookUp?(step: number, client: ParameterClient): Promise<boolean>;
  /** The parameters that {@link begin} reads; absent where that is not there. */
  readonly first?: ReadonlySet<string>;
  /** Begins to compute a step while parameters but the {@link first} may still be on their way. */
  begin?(step: number): Promise<void>;
  /** @param learningRate of the configured optimizer */
  compute(step: number, learningRate: number): Promise<Summand>;
  dispose(): Promise<void>;
}
