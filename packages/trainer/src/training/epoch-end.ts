/**
 * The work of a run's chief at the end of an epoch: it evaluates the model and writes the checkpoint. Any process of an
 * elastic run may become the chief. It then continues from the run's last checkpoint, whose folder all processes can
 * reach.
 */
import { readTrainingState, type TrainingState, writeCheckpoint } from '../checkpoint/checkpoint.js';
import type { Engine } from '../engines/engine.js';
import { Evaluator } from '../evaluation/evaluate.js';
import type { ResultLock } from '../files/result-lock.js';
import type { Learner } from './learner.js';
import { divergence, type EpochProgress } from './loop.js';
import type { PreparedTraining } from './prepare.js';

/** Reports the progress of an evaluation. */
export interface RunEvaluation {
  readonly type: 'evaluation';
  readonly tokens: number;
  readonly totalTokens: number;
}

export interface EpochEndOptions {
  readonly engine: Engine;
  readonly prepared: PreparedTraining;
  readonly learner: Learner;
  /** Folder of the checkpoint. */
  readonly folder: string;
  /** The lock of that folder. */
  readonly lock: ResultLock;
  /** Returns the number of training tokens before a step. */
  readonly tokensBefore: (step: number) => number;
}

export class EpochEnd implements AsyncDisposable {
  /** Validation perplexity after each whole epoch so far; grows as they are measured. */
  readonly validation: number[];
  readonly #options: EpochEndOptions;
  #evaluator: Evaluator | undefined;
  /** The step of the last checkpoint. */
  #saved: number;
  #isChief: boolean;

  constructor(options: EpochEndOptions) {
    const { prepared, learner } = options;
    this.#options = options;
    this.validation = [...(prepared.resumed?.state.validation ?? [])];
    this.#saved = prepared.resumed?.state.step ?? 0;
    this.#isChief = learner.isChief;
    if (this.#isChief) this.#prepare();
  }

  /**
   * Evaluates and writes the checkpoint if this process is the chief.
   * @returns the validation perplexity if it did; 'not mine' if it is not the chief; undefined if there is nothing to
   *   write, because it is written already, or the parameter servers were at another step
   */
  async *reach(progress: EpochProgress): AsyncGenerator<RunEvaluation, number | 'not mine' | undefined> {
    const { learner, lock } = this.#options;
    const wasChief = this.#isChief;
    this.#isChief = learner.isChief;
    if (!this.#isChief) return 'not mine';
    await lock.take();
    if (!wasChief) await this.#takeOver();
    const evaluator = this.#prepare();
    if (this.#saved === progress.step || !(await learner.meet())) return undefined;
    const validPerplexity = yield* this.#evaluate(evaluator);
    // The effect of an epoch's last update shows in no training loss.
    if (!Number.isFinite(validPerplexity)) throw divergence(progress.step, progress.learningRate);
    const { validation } = this;
    // Nothing is known about epochs of an earlier chief that did not reach its checkpoint.
    if (progress.complete && validation.length >= progress.epoch - 1) validation[progress.epoch - 1] = validPerplexity;
    return (await this.#save(progress, validPerplexity)) ? validPerplexity : undefined;
  }

  /** Reads the whole of row tables, if this process evaluates them, before all workers meet. */
  #prepare(): Evaluator {
    const { engine, prepared, learner } = this.#options;
    this.#evaluator ??= Evaluator.of(engine, prepared.model, learner.parameters);
    return this.#evaluator;
  }

  async #takeOver(): Promise<void> {
    const { folder, prepared } = this.#options;
    // A checkpoint that cannot be read is replaced by the next one.
    const found = await readTrainingState(folder).catch(() => undefined);
    if (!found || !isOfOne(found, prepared)) return;
    this.#saved = found.step;
    this.validation.splice(0, this.validation.length, ...found.validation);
  }

  async *#evaluate(evaluator: Evaluator): AsyncGenerator<RunEvaluation, number> {
    const { tokenizer, valid } = this.#options.prepared;
    const evaluation = evaluator.evaluate(valid, tokenizer.eosId);
    for (;;) {
      const { done, value } = await evaluation.next();
      if (done) return value.perplexity;
      yield { type: 'evaluation', tokens: value, totalTokens: valid.length };
    }
  }

  /** Returns false if there is nothing to save: the servers lost the state before it was read, or another chief writes it. */
  async #save({ step, complete, lossSum, tokens }: EpochProgress, validPerplexity: number): Promise<boolean> {
    const { prepared, learner, folder, lock, tokensBefore } = this.#options;
    const { model, tokenizer, training, texts } = prepared;
    const learned = await learner.state();
    if (!learned) return false;
    const { parameters, slots, recurrent } = learned;
    const metrics = {
      validation: this.validation,
      texts,
      tokens: tokensBefore(step),
      trainPerplexity: Math.exp(lossSum / tokens),
      validPerplexity,
    };
    const checkpoint = {
      ...{ config: model, parameters, tokenizer, slots },
      recurrent: complete ? undefined : recurrent,
      state: { training, step, ...metrics },
    };
    await lock.requireHeld();
    // Writing may take long. If the servers cannot be reached now, the next call to them says why.
    const isWritten = await writeCheckpoint(folder, checkpoint, () => learner.confirm().catch(() => false));
    if (isWritten) this.#saved = step;
    return isWritten;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#evaluator?.[Symbol.asyncDispose]();
  }
}

/** Whether a checkpoint belongs to this run, or to one that computed the same. */
function isOfOne(found: TrainingState, { training, texts }: PreparedTraining): boolean {
  const computed = ({ epochs, maxSteps, ...rest }: TrainingState['training']) => rest;
  return JSON.stringify([computed(found.training), found.texts]) === JSON.stringify([computed(training), texts]);
}
