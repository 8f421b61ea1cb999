/**
 * The work of a run's chief at the end of an epoch: it evaluates the model and writes the checkpoint. Any process of an
 * elastic run may become the chief. It then continues from the run's last checkpoint, whose folder all processes can
 * reach.
 */
import type { Engine } from '../engines/engine.js';
import type { ResultLock } from '../files/result-lock.js';
import type { JobEvaluator, TrainingJob } from './job.js';
import type { Learner } from './learners/learner.js';
import { divergence, type EpochProgress } from './loop.js';

/** Reports the progress of an evaluation. */
export interface RunEvaluation {
  readonly type: 'evaluation';
  /** The number of completed tokens or examples. */
  readonly count: number;
  readonly total: number;
}

export interface EpochEndOptions {
  readonly engine: Engine;
  readonly job: TrainingJob;
  readonly learner: Learner;
  /** The lock of the checkpoint's folder. */
  readonly lock: ResultLock;
}

export class EpochEnd implements AsyncDisposable {
  /** The validation metric after each whole epoch so far, negated if a higher one is better; grows as it is measured. */
  readonly validation: number[];
  readonly #options: EpochEndOptions;
  #evaluator: JobEvaluator | undefined;
  /** The step of the last checkpoint. */
  #saved: number;
  #isChief: boolean;

  constructor(options: EpochEndOptions) {
    const { job, learner } = options;
    this.#options = options;
    this.validation = [...job.start.validation];
    this.#saved = job.start.step;
    this.#isChief = learner.isChief;
    if (this.#isChief) this.#prepare();
  }

  /**
   * Evaluates and writes the checkpoint if this process is the chief.
   * @returns the validation metric if it did; 'not mine' if it is not the chief; undefined if there is nothing to
   *   write, because it is written already, or the parameter servers were at another step
   */
  async *reach(progress: EpochProgress): AsyncGenerator<RunEvaluation, number | 'not mine' | undefined> {
    const { job, learner, lock } = this.#options;
    const wasChief = this.#isChief;
    this.#isChief = learner.isChief;
    if (!this.#isChief) return 'not mine';
    await lock.take();
    if (!wasChief) await this.#takeOver();
    const evaluator = this.#prepare();
    if (this.#saved === progress.step || !(await learner.meet())) return undefined;
    const value = yield* this.#evaluate(evaluator);
    // The effect of an epoch's last update shows in no training loss.
    if (!Number.isFinite(value)) throw divergence(progress.step, progress.learningRate);
    const { validation } = this;
    // Nothing is known about epochs of an earlier chief that did not reach its checkpoint.
    if (progress.complete && validation.length >= progress.epoch - 1) {
      validation[progress.epoch - 1] = job.facts.better === 'higher' ? -value : value;
    }
    const state = await learner.state();
    // The servers lost the state before it was read.
    if (!state) return undefined;
    await lock.requireHeld();
    // Writing may take long. If the servers cannot be reached now, the next call to them says why.
    const isDue = () => learner.confirm().catch(() => false);
    if (!(await job.checkpoints.write({ progress, value, validation, state }, isDue))) return undefined;
    this.#saved = progress.step;
    return value;
  }

  /** Reads the whole of row tables, if this process evaluates them, before all workers meet. */
  #prepare(): JobEvaluator {
    const { engine, job, learner } = this.#options;
    this.#evaluator ??= job.evaluator(engine, learner.parameters);
    return this.#evaluator;
  }

  async #takeOver(): Promise<void> {
    const found = await this.#options.job.checkpoints.takeOver();
    if (!found) return;
    this.#saved = found.step;
    this.validation.splice(0, this.validation.length, ...found.validation);
  }

  async *#evaluate(evaluator: JobEvaluator): AsyncGenerator<RunEvaluation, number> {
    const evaluation = evaluator.evaluate();
    for (;;) {
      const { done, value } = await evaluation.next();
      if (done) return value;
      yield { type: 'evaluation', count: value, total: this.#options.job.facts.validCount };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#evaluator?.[Symbol.asyncDispose]();
  }
}
