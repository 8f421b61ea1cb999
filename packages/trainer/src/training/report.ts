/** Follows a run's events: shows them on stderr and sums up the result. */
import { counted } from '@unroll/param-server/config';
import { log } from '../terminal/log.js';
import { Progress } from '../terminal/progress.js';
import { ChiefEvents } from './chief-events.js';
import type { RunValidation } from './chief-work.js';
import type { RunEpoch, RunEvent, RunStart, RunStep } from './run.js';

/** The result of training a language model. */
export interface LanguageModelResult {
  readonly checkpoint: string;
  /** Number of updates of the model so far. */
  readonly steps: number;
  /** Training tokens of this run, over all workers. Tokens that were computed again count again. */
  readonly tokens: number;
  /**
   * Tokens per second over all workers, without evaluation and checkpoints. Null, as are the perplexities, if nothing
   * was left to train.
   */
  readonly tokensPerSecond: number | null;
  /** Perplexity of the last epoch, measured while it trained. */
  readonly trainPerplexity: number | null;
  readonly validPerplexity: number | null;
  readonly engine: string;
}

/** The result of training the model of an application. */
export interface TaskResult {
  readonly checkpoint: string;
  readonly task: string;
  /** Number of updates of the model so far. */
  readonly steps: number;
  /** The epoch of the parameters in the checkpoint's model; `value` is their validation metric. Null if nothing was left to train. */
  readonly bestEpoch: number | null;
  readonly metric: string;
  readonly value: number | null;
  /** Training examples per second over all workers, without validation and checkpoints. */
  readonly examplesPerSecond: number | null;
  readonly engine: string;
}

export type TrainingResult = LanguageModelResult | TaskResult;

export class RunReport {
  readonly #out: string;
  readonly #workers: number;
  #start: RunStart | undefined;
  /** Its events are shown. */
  readonly #chief = new ChiefEvents();
  #bar: Progress | undefined;
  #barEpoch = 0;
  /** Tokens or examples of the bar's steps, each. */
  #barStepCount = 0;
  #evaluationBar: Progress | undefined;
  /** Where and when this process saw the first step, for the time left of the run. */
  #began: { readonly step: number; readonly at: number } | undefined;
  /** The last epoch's sums, by worker. */
  readonly #epochs = new Map<number, RunEpoch>();
  /** The last epoch that the chief has evaluated. */
  #evaluated: RunEpoch | undefined;
  #steps = 0;
  #count = 0;
  #seconds = 0;
  /** Tokens or examples since the last epoch ended, over all workers. */
  #epochCount = 0;
  /** Since the last epoch ended: the number of steps made at the workers' own pace, and their total staleness. */
  #stale = { steps: 0, sum: 0 };

  /** The worker of which to tell although it is not the chief, where each process has an output of its own. */
  readonly #own: number | undefined;

  /** @param out the folder of the checkpoint */
  constructor(out: string, workers = 1, own?: number) {
    this.#out = out;
    this.#workers = workers;
    this.#own = own;
  }

  /** Handles one event of a worker. Only the chief's events are shown; every worker's losses count. */
  add(event: RunEvent, worker = 0): void {
    if (event.type === 'epoch') this.#epochs.set(worker, event);
    if (event.type === 'step') this.#addStaleness(event);
    if (event.type === 'start') this.#start ??= event;
    if (!this.#chief.includes(event, worker)) {
      if (worker === this.#own) this.#addOwn(event);
      return;
    }
    switch (event.type) {
      case 'start':
        this.#start = event;
        for (const notice of event.notices) log(notice, 'warning');
        log(
          `${engines(event, this.#workers)}: ${millions(event.parameters)} parameters, ${dataOf(event)}, ${counted(event.totalSteps - event.firstStep, 'step')}`,
        );
        break;
      case 'step':
        this.#showStep(event);
        break;
      case 'evaluation':
        this.#bar?.stop();
        this.#bar = undefined;
        this.#evaluationBar ??= new Progress('validation', event.total, this.#start!.unit);
        this.#evaluationBar.update(event.count);
        break;
      case 'validation':
        this.#clearBars();
        this.#endEvaluation(event);
        break;
      case 'epoch':
        this.#clearBars();
        this.#endEpoch(event);
        break;
      case 'checkpoint':
        this.#clearBars();
        this.#steps = event.step;
        break;
    }
  }

  /** Says how a worker that is not the chief gets on: sparingly, as the chief tells of the run. */
  #addOwn(event: RunEvent): void {
    const name = `worker ${this.#own} of ${this.#workers}`;
    if (event.type === 'start') {
      for (const notice of event.notices) log(notice, 'warning');
      const left = counted(event.totalSteps - event.firstStep, 'step');
      log(`${name} has joined at step ${event.firstStep}, with ${left} to go: ${event.engine}`);
    } else if (event.type === 'step') {
      this.#showStep(event);
    } else if (event.type === 'epoch') {
      this.#clearBars();
      this.#epochCount = 0;
      const { epochs, unit, task } = this.#start!;
      const loss = ratio(event.lossSum, event.count);
      const own = task === undefined ? `perplexity ${shown(loss && Math.exp(loss), 2)}` : `loss ${shown(loss, 4)}`;
      const rate = rateOf(event.count, event.seconds)?.toFixed(0) ?? 'unknown';
      log(`${name}, epoch ${event.epoch}/${epochs}, step ${event.step}: ${own} over its lanes, ${rate} ${unit}/s`);
    }
  }

  /** The step of the last checkpoint; 0 if there is none yet. */
  get checkpointStep(): number {
    return this.#steps;
  }

  /** Whether training has begun. */
  get hasStarted(): boolean {
    return this.#start !== undefined;
  }

  /** Clears the progress bars from the terminal. */
  close(): void {
    this.#clearBars();
  }

  #clearBars(): void {
    this.#bar?.stop();
    this.#evaluationBar?.stop();
    this.#bar = undefined;
    this.#evaluationBar = undefined;
  }

  result(): TrainingResult {
    const steps = this.#steps || (this.#start?.firstStep ?? 0);
    const [checkpoint, engine] = [this.#out, this.#start?.engine ?? ''];
    const rate = rateOf(this.#count, this.#seconds);
    if (this.#start?.task !== undefined) {
      const { task, metric } = this.#start;
      const { epoch = null, value = null } = this.#evaluated?.best ?? {};
      return { checkpoint, task, steps, bestEpoch: epoch, metric, value, examplesPerSecond: rounded(rate, 1), engine };
    }
    const loss = this.#trainLoss();
    return {
      checkpoint,
      steps,
      tokens: this.#count,
      tokensPerSecond: rounded(rate, 0),
      trainPerplexity: rounded(loss === undefined ? undefined : Math.exp(loss), 4),
      validPerplexity: rounded(this.#evaluated?.value, 4),
      engine,
    };
  }

  #addStaleness({ staleness }: RunStep): void {
    if (staleness !== undefined) this.#stale = { steps: this.#stale.steps + 1, sum: this.#stale.sum + staleness };
  }

  #showStep({ step, batchCount, epoch: { lossSum, count } }: RunStep): void {
    const { stepsPerEpoch, epochs, firstStep, totalSteps, task, unit } = this.#start!;
    const epoch = Math.ceil(step / stepsPerEpoch);
    const begin = Math.max((epoch - 1) * stepsPerEpoch, firstStep);
    if (!this.#bar || epoch !== this.#barEpoch) {
      this.#barEpoch = epoch;
      this.#barStepCount = batchCount;
      this.#bar?.stop();
      const end = Math.min(epoch * stepsPerEpoch, totalSteps);
      this.#bar = new Progress(`epoch ${epoch}/${epochs}`, (end - begin) * batchCount, unit);
    }
    this.#epochCount += batchCount;
    const loss = lossSum / count;
    const figure = task === undefined ? `perplexity ${Math.exp(loss).toFixed(2)}` : `loss ${loss.toFixed(4)}`;
    this.#bar.update((step - begin) * this.#barStepCount, { figure, secondsLeft: this.#secondsLeft(step) });
  }

  /** Returns the seconds left of the run, evaluations included; undefined before there is a pace. */
  #secondsLeft(step: number): number | undefined {
    const now = performance.now() / 1000;
    // After a return of the servers to an earlier step, the pace is measured anew.
    if (!this.#began || step < this.#began.step) this.#began = { step, at: now };
    const made = step - this.#began.step;
    return made > 0 ? ((this.#start!.totalSteps - step) * (now - this.#began.at)) / made : undefined;
  }

  /**
   * Returns the loss of the last epoch over the lanes of all workers heard of; their epochs end before the chief has
   * evaluated. Returns undefined if no part of it was trained here, for example by a worker that restarted at its end.
   */
  #trainLoss(): number | undefined {
    // A worker that has left the run has no result for this epoch.
    const epochs = [...this.#epochs.values()].filter(({ step }) => step === this.#epochs.get(this.#chief.chief)?.step);
    const lossSum = epochs.reduce((sum, epoch) => sum + epoch.lossSum, 0);
    const count = epochs.reduce((sum, epoch) => sum + epoch.count, 0);
    return ratio(lossSum, count);
  }

  #endEvaluation({ step, value, best, trainLoss, sample }: RunValidation): void {
    const { task, metric, stepsPerEpoch, totalSteps } = this.#start!;
    // The line of an epoch says the rest.
    if (step % stepsPerEpoch !== 0 && step !== totalSteps) {
      const loss =
        task === undefined
          ? `training perplexity ${shown(trainLoss === undefined ? undefined : Math.exp(trainLoss), 2)}, validation ${value.toFixed(2)}`
          : `loss ${shown(trainLoss, 4)}, validation ${metric} ${value.toFixed(4)}`;
      const place = best.step === step ? ', the best so far' : ` (best: ${best.value.toFixed(4)}, step ${best.step})`;
      log(`step ${step}/${totalSteps}: ${loss}${place}`);
    }
    if (sample !== undefined) log(`sample: ${sample}`);
  }

  #endEpoch(event: RunEpoch): void {
    const rate = rateOf(this.#epochCount, event.seconds)?.toFixed(0);
    this.#count += this.#epochCount;
    this.#epochCount = 0;
    this.#seconds += event.seconds;
    this.#evaluated = event;
    const { steps, sum } = this.#stale;
    this.#stale = { steps: 0, sum: 0 };
    const staleness = steps > 0 ? `, staleness ${(sum / steps).toFixed(1)}` : '';
    const { epochs, unit } = this.#start!;
    log(
      `epoch ${event.epoch}/${epochs}, step ${event.step}: ${this.#figuresOf(event)}, ${rate ?? 'unknown'} ${unit}/s, learning rate ${Number(event.learningRate.toPrecision(4))}${staleness}`,
    );
  }

  #figuresOf({ epoch, value, best }: RunEpoch): string {
    const { task, metric } = this.#start!;
    const loss = this.#trainLoss();
    if (task === undefined) {
      const perplexity = loss === undefined ? undefined : Math.exp(loss);
      return `training perplexity ${shown(perplexity, 2)}, validation ${shown(value, 2)}`;
    }
    const earlier = !best || best.epoch === epoch ? '' : ` (best: ${best.value.toFixed(4)}, epoch ${best.epoch})`;
    return `loss ${shown(loss, 4)}, validation ${metric} ${shown(value, 4)}${earlier}`;
  }
}

function engines({ engine }: RunStart, workers: number): string {
  return workers > 1 ? `${engine} × ${counted(workers, 'worker')}` : engine;
}

function dataOf({ unit, vocabSize, trainCount, validCount }: RunStart): string {
  if (vocabSize !== undefined) return `vocabulary ${vocabSize}, ${trainCount} training ${unit}`;
  return `${trainCount} training ${unit}, ${validCount} for validation`;
}

function millions(count: number): string {
  return count >= 1e5 ? `${(count / 1e6).toFixed(2)} M` : String(count);
}

/** Returns undefined if `count` is 0. */
function ratio(sum: number, count: number): number | undefined {
  return count > 0 ? sum / count : undefined;
}

/** Returns undefined if no work was done here, as after a change of the chief, or in no time. */
function rateOf(done: number, seconds: number): number | undefined {
  return done > 0 ? ratio(done, seconds) : undefined;
}

function shown(value: number | undefined, digits: number): string {
  return value?.toFixed(digits) ?? 'unknown';
}

function rounded(value: number | undefined, digits: number): number | null {
  return value === undefined ? null : Number(value.toFixed(digits));
}
