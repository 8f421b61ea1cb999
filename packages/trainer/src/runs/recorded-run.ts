/**
 * Trains and records: `runTraining` with the run's metrics and configuration written into the checkpoint's folder, and
 * a model card at the end. The process that writes the checkpoints records.
 */
import { processUse } from '@unroll/param-server/client';
import { firstLine } from '../errors.js';
import { fileErrorReason, isFileError } from '../files/file-error.js';
import { log } from '../terminal/log.js';
import type { RunValidation } from '../training/chief-work.js';
import type { RunEvent, RunStart, RunStep } from '../training/run.js';
import { type RunOptions, runTraining } from '../training/run.js';
import { removeCard } from './card-files.js';
import { MetricsFile } from './metrics-file.js';
import { writeModelCard } from './model-card.js';
import { configurationOf, type RunConfiguration, readConfiguration, writeConfiguration } from './run-configuration.js';

/** The time between two lines about the process, in milliseconds. */
const processDelay = 10_000;

/**
 * Trains a job and records the run.
 * @throws UnrollError, UsageError, ParameterServerError with a line for the user
 */
export async function* recordedRun(options: RunOptions): AsyncGenerator<RunEvent, void, undefined> {
  using record = new RunRecord(options);
  try {
    for await (const event of runTraining(options)) {
      record.add(event);
      yield event;
    }
    await record.finish(Boolean(options.signal?.aborted || options.leave?.aborted));
  } catch (error) {
    record.fail(error);
    throw error;
  }
}

class RunRecord implements Disposable {
  readonly #options: RunOptions;
  /** Whether this process writes the checkpoints, as far as is known. */
  #isChief: boolean;
  #start: RunStart | undefined;
  #metrics: MetricsFile | undefined;
  /** Whether the last event was the end of an epoch of which this process has no evaluation. */
  #mayHaveLost = false;
  #step = 0;
  #processAt = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#isChief = !options.role || options.role.worker === 0;
  }

  add(event: RunEvent): void {
    this.#followChief(event);
    if (event.type === 'start') {
      this.#start = event;
      this.#step = event.firstStep;
      if (this.#isChief) this.#open(event.firstStep);
    } else if (event.type === 'step') {
      this.#addStep(event);
    } else if (event.type === 'validation') {
      this.#addValidation(event);
    }
  }

  /** Another process of an elastic run may become the chief, and then records, too. */
  #followChief({ type, ...event }: RunEvent): void {
    if (type === 'evaluation' || type === 'validation' || type === 'checkpoint') {
      this.#mayHaveLost = false;
      if (this.#isChief) return;
      this.#isChief = true;
      this.#open(this.#step);
    } else if (this.#mayHaveLost) {
      this.#lose();
    } else if (type === 'epoch') {
      // An evaluation that was abandoned is followed by its checkpoint.
      this.#mayHaveLost = !('value' in event);
    }
  }

  #lose(): void {
    this.#mayHaveLost = false;
    this.#isChief = false;
    this[Symbol.dispose]();
  }

  /** Ends the record. A run that was not interrupted gets a model card. */
  async finish(isInterrupted: boolean): Promise<void> {
    if (this.#mayHaveLost) this.#lose();
    if (!this.#metrics) return;
    this.#metrics.add({ type: 'end', step: this.#step, state: isInterrupted ? 'interrupted' : 'finished' });
    if (isInterrupted || this.#step === 0) return;
    const { out } = this.#options.request;
    try {
      await writeModelCard(out);
    } catch (error) {
      // The model is whole; only its description is not.
      const reason = isFileError(error) ? fileErrorReason(error) : firstLine(error);
      log(`${out}: the model card is not written: ${reason}`, 'warning');
    }
  }

  fail(error: unknown): void {
    this.#metrics?.add({ type: 'end', step: this.#step, state: 'failed', reason: firstLine(error) });
  }

  [Symbol.dispose](): void {
    this.#metrics?.[Symbol.dispose]();
    this.#metrics = undefined;
  }

  #open(step: number): void {
    const { request, role } = this.#options;
    const { out, data, command, threads } = request;
    const start = { ...this.#start!, firstStep: step };
    // The card is of the run before, which this one replaces.
    if (step === 0) removeCard(out);
    this.#metrics = new MetricsFile(out, step);
    const { totalSteps, stepsPerEpoch, epochs, notices } = start;
    this.#metrics.add({ type: 'start', step, resumed: step > 0, totalSteps, stepsPerEpoch, epochs });
    for (const line of notices) this.#metrics.add({ type: 'notice', step, severity: 'warning', line });
    try {
      const before = step > 0 ? configurationBefore(out) : undefined;
      const session = { data, command, threads, workers: role?.workers ?? 1 };
      writeConfiguration(out, configurationOf(start, session, before));
    } catch (error) {
      if (!isFileError(error)) throw error;
      log(
        `${out}: the configuration of the run is not written: ${fileErrorReason(error)}; training goes on`,
        'warning',
      );
    }
  }

  #addStep({ step, lossSum, count, learningRate, gradientNorm, batchCount, seconds }: RunStep): void {
    // The servers have lost steps, which are made again.
    if (step <= this.#step) this.#metrics?.goBack(step - 1);
    this.#step = step;
    const epoch = Math.ceil(step / this.#start!.stepsPerEpoch);
    const figures = { loss: lossSum / count, learningRate, gradientNorm, count: batchCount, seconds };
    this.#metrics?.add({ type: 'step', step, epoch, ...figures });
    if (performance.now() - this.#processAt > processDelay) this.#addProcess();
  }

  #addValidation({ step, epoch, value, trainLoss, sample }: RunValidation): void {
    const { metric, better, settings } = this.#start!;
    this.#metrics?.add({ type: 'evaluation', step, epoch, metric, better, value, trainLoss: trainLoss ?? null });
    const { sample: prompt = '' } = settings as { readonly sample?: string };
    if (sample !== undefined) this.#metrics?.add({ type: 'sample', step, prompt, text: sample });
    this.#addProcess();
  }

  #addProcess(): void {
    this.#processAt = performance.now();
    this.#metrics?.add({ type: 'process', step: this.#step, ...processUse() });
  }
}

/** Returns the configuration of the run so far; one that cannot be read is replaced. */
function configurationBefore(folder: string): RunConfiguration | undefined {
  try {
    return readConfiguration(folder);
  } catch (error) {
    log(`${(error as Error).message}: a new one is written`, 'warning');
    return undefined;
  }
}
