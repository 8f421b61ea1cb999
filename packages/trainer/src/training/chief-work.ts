/**
 * The work of a run's chief between two steps: it evaluates the model and writes the checkpoint. Any process of an
 * elastic run may become the chief. It then continues from the run's last checkpoint, whose folder all processes can
 * reach.
 */
import type { Arrays } from '../checkpoint/arrays.js';
import type { Engine } from '../engines/engine.js';
import type { ResultLock } from '../files/result-lock.js';
import { bestEvaluation, type EvaluationResult, earlyStop } from './course.js';
import type { JobEvaluator, TrainingJob } from './job.js';
import type { Learner } from './learners/learner.js';
import { statisticsOf } from './learners/statistics.js';
import { divergence, type Pause } from './loop.js';

/** Reports the progress of an evaluation. */
export interface RunEvaluation {
  readonly type: 'evaluation';
  /** The number of completed tokens or examples. */
  readonly count: number;
  readonly total: number;
}

/** Reports a completed evaluation. */
export interface RunValidation {
  readonly type: 'validation';
  /** Counted from 1. */
  readonly epoch: number;
  /** Number of updates of the model. */
  readonly step: number;
  /** The validation metric; a language model's perplexity. */
  readonly value: number;
  /** The best evaluation so far, which may be this one. */
  readonly best: EvaluationResult;
  /** Mean training loss of the epoch so far, over this process's lanes; undefined if none of it was trained here. */
  readonly trainLoss: number | undefined;
  /** The model's continuation of `--sample`, with the prompt. */
  readonly sample?: string | undefined;
}

/** Reports a checkpoint that was written. */
export interface RunCheckpoint {
  readonly type: 'checkpoint';
  readonly folder: string;
  readonly step: number;
}

export interface ChiefWorkOptions {
  readonly engine: Engine;
  readonly job: TrainingJob;
  readonly learner: Learner;
  /** The lock of the checkpoint's folder. */
  readonly lock: ResultLock;
  /** Abandons an evaluation: the checkpoint is then written without its result. */
  readonly signal?: AbortSignal | undefined;
}

/** The work done at a pause: nothing, because it was done before; or not by this process, which is not the chief. */
export type PauseWork =
  | 'not mine'
  | 'nothing'
  | { readonly checkpoint: RunCheckpoint; readonly validation: RunValidation | undefined };

export class ChiefWork implements AsyncDisposable {
  /** The validation metric after each whole epoch so far, negated if a higher one is better; grows as it is measured. */
  readonly validation: number[];
  readonly #evaluations: EvaluationResult[];
  readonly #options: ChiefWorkOptions;
  #evaluator: JobEvaluator | undefined;
  /** The step of the last checkpoint, and whether its model has been evaluated as far as that was due. */
  #saved: { readonly step: number; readonly isEvaluated: boolean };
  #isChief: boolean;

  constructor(options: ChiefWorkOptions) {
    const { job, learner } = options;
    const { step, validation, evaluations = [] } = job.start;
    this.#options = options;
    this.validation = [...validation];
    this.#evaluations = [...evaluations];
    this.#saved = { step, isEvaluated: isEvaluated(job.start) };
    this.#isChief = learner.isChief;
    if (this.#isChief) this.#prepare();
  }

  /** Whether the checkpoint that training begins with was evaluated as far as that was due. */
  get isStartEvaluated(): boolean {
    return isEvaluated(this.#options.job.start);
  }

  /** Returns the step at which training ends early, if it does. */
  earlyStop(): number | undefined {
    const { training, facts } = this.#options.job;
    return this.#isChief ? earlyStop(training.patience, facts.better, this.#evaluations) : undefined;
  }

  /** Evaluates, if that is due, and writes the checkpoint, if this process is the chief. */
  async *reach(pause: Pause): AsyncGenerator<RunEvaluation, PauseWork> {
    const { job, learner, lock } = this.#options;
    const wasChief = this.#isChief;
    this.#isChief = learner.isChief;
    if (!this.#isChief) return 'not mine';
    await lock.take();
    if (!wasChief) await this.#takeOver();
    const evaluator = this.#prepare();
    const isDone = this.#saved.step === pause.step && (this.#saved.isEvaluated || !pause.evaluates);
    if (isDone || !(await learner.meet())) return 'nothing';
    const { model, training } = job;
    // Statistics are evaluated as the servers have them: this worker's may be of other lanes.
    const early = model.statistics && (await learner.state());
    if (model.statistics && !early) return 'nothing';
    const statistics = early ? statisticsOf(model, early.recurrent, training.batchSize) : {};
    const value = pause.evaluates ? yield* this.#evaluate(evaluator, statistics) : undefined;
    if (value !== undefined) this.#note(pause, value);
    const state = early ?? (await learner.state());
    // The servers lost the state before it was read.
    if (!state) return 'nothing';
    await lock.requireHeld();
    // Writing may take long. If the servers cannot be reached now, the next call to them says why.
    const isDue = () => learner.confirm().catch(() => false);
    const { validation } = this;
    const result = { pause, value, validation, evaluations: this.#evaluations, state };
    if (!(await job.checkpoints.write(result, isDue))) return 'nothing';
    this.#saved = { step: pause.step, isEvaluated: value !== undefined || !pause.evaluates };
    const checkpoint = { type: 'checkpoint', folder: job.checkpoints.folder, step: pause.step } as const;
    return { checkpoint, validation: value === undefined ? undefined : await this.#report(pause, value, evaluator) };
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
    this.#saved = { step: found.step, isEvaluated: isEvaluated(found) };
    this.validation.splice(0, this.validation.length, ...found.validation);
    this.#evaluations.splice(0, this.#evaluations.length, ...(found.evaluations ?? []));
  }

  /** Returns undefined if the signal aborted the evaluation. */
  async *#evaluate(evaluator: JobEvaluator, statistics: Arrays): AsyncGenerator<RunEvaluation, number | undefined> {
    const { job, signal } = this.#options;
    const evaluation = evaluator.evaluate(statistics);
    const wasAborted = signal?.aborted;
    for (;;) {
      const { done, value } = await evaluation.next();
      if (done) return value;
      if (signal?.aborted && !wasAborted) {
        await evaluation.return(0);
        return undefined;
      }
      yield { type: 'evaluation', count: value, total: job.facts.validCount };
    }
  }

  #note({ step, epoch, complete, learningRate }: Pause, value: number): void {
    // The effect of an epoch's last update shows in no training loss.
    if (!Number.isFinite(value)) throw divergence(step, learningRate);
    const { validation } = this;
    // Nothing is known about epochs of an earlier chief that did not reach its checkpoint.
    if (complete && validation.length >= epoch - 1) {
      validation[epoch - 1] = this.#options.job.facts.better === 'higher' ? -value : value;
    }
    // After a return of the servers to an earlier step, the evaluations since then are made again.
    const since = this.#evaluations.findIndex((evaluation) => evaluation.step >= step);
    if (since >= 0) this.#evaluations.splice(since);
    this.#evaluations.push({ step, value });
  }

  async #report(
    { epoch, step, lossSum, count }: Pause,
    value: number,
    evaluator: JobEvaluator,
  ): Promise<RunValidation> {
    const best = bestEvaluation(this.#options.job.facts.better, this.#evaluations)!;
    const trainLoss = count > 0 ? lossSum / count : undefined;
    const sample = await evaluator.sample?.();
    return { type: 'validation', epoch, step, value, best, trainLoss, ...(sample === undefined ? {} : { sample }) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#evaluator?.[Symbol.asyncDispose]();
  }
}

/** Checkpoints of older versions were written after an evaluation only. */
function isEvaluated({ step, evaluations }: { step: number; evaluations?: readonly EvaluationResult[] | undefined }) {
  return evaluations === undefined || evaluations.at(-1)?.step === step;
}
