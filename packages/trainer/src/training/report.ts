/** Follows a run's events: shows them on stderr and sums up the result. */
import { log } from '../terminal/log.js';
import { Progress } from '../terminal/progress.js';
import type { RunEpoch, RunEvent, RunStart, RunStep } from './run.js';

export interface TrainingResult {
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

export class RunReport {
  readonly #out: string;
  readonly #workers: number;
  #start: RunStart | undefined;
  #isStartSaid = false;
  /** The worker that evaluates and writes the checkpoints, as far as is known: its events are shown. */
  #chief = 0;
  #bar: Progress | undefined;
  #barEpoch = 0;
  #evaluationBar: Progress | undefined;
  /** The last epoch's sums, by worker. */
  readonly #epochs = new Map<number, RunEpoch>();
  #validPerplexity: number | undefined;
  #steps = 0;
  #tokens = 0;
  #seconds = 0;
  /** Tokens since the last epoch ended, over all workers. */
  #epochTokens = 0;
  /** Since the last epoch ended: the number of steps made at the workers' own pace, and their total staleness. */
  #stale = { steps: 0, sum: 0 };

  /** @param out the folder of the checkpoint */
  constructor(out: string, workers = 1) {
    this.#out = out;
    this.#workers = workers;
  }

  /** Handles one event of a worker. Only the chief's events are shown; every worker's losses count. */
  add(event: RunEvent, worker = 0): void {
    if (event.type === 'epoch') this.#epochs.set(worker, event);
    if (event.type === 'step') this.#addStaleness(event);
    if (event.type === 'start') this.#start ??= event;
    if (event.type === 'evaluation' || event.type === 'checkpoint') this.#chief = worker;
    if (worker !== this.#chief) return;
    switch (event.type) {
      case 'start':
        // Say this once only: a worker that was killed starts again.
        if (this.#isStartSaid) break;
        this.#isStartSaid = true;
        this.#start = event;
        for (const notice of event.notices) log(notice, 'warning');
        log(
          `${event.engine}${this.#workers > 1 ? ` × ${this.#workers} workers` : ''}: ${millions(event.parameters)} parameters, vocabulary ${event.vocabSize}, ${event.trainTokens} training tokens, ${event.totalSteps - event.firstStep} steps`,
        );
        break;
      case 'step':
        this.#showStep(event);
        break;
      case 'evaluation':
        this.#bar?.stop();
        this.#bar = undefined;
        this.#evaluationBar ??= new Progress('validation', event.totalTokens, 'tokens');
        this.#evaluationBar.update(event.tokens);
        break;
      case 'epoch':
        this.#evaluationBar?.stop();
        this.#evaluationBar = undefined;
        this.#endEpoch(event);
        break;
      case 'checkpoint':
        this.#steps = event.step;
        break;
    }
  }

  /** The step of the last checkpoint; 0 if there is none yet. */
  get checkpointStep(): number {
    return this.#steps;
  }

  /** Clears the progress bars from the terminal. */
  close(): void {
    this.#bar?.stop();
    this.#evaluationBar?.stop();
  }

  result(): TrainingResult {
    return {
      checkpoint: this.#out,
      steps: this.#steps || (this.#start?.firstStep ?? 0),
      tokens: this.#tokens,
      tokensPerSecond: rounded(rateOf(this.#tokens, this.#seconds), 0),
      trainPerplexity: rounded(this.#trainPerplexity(), 4),
      validPerplexity: rounded(this.#validPerplexity, 4),
      engine: this.#start?.engine ?? '',
    };
  }

  #addStaleness({ staleness }: RunStep): void {
    if (staleness !== undefined) this.#stale = { steps: this.#stale.steps + 1, sum: this.#stale.sum + staleness };
  }

  #showStep({ step, batchTokens, epoch: { lossSum, tokens } }: RunStep): void {
    const { stepsPerEpoch, epochs, firstStep, totalSteps } = this.#start!;
    const epoch = Math.ceil(step / stepsPerEpoch);
    const begin = Math.max((epoch - 1) * stepsPerEpoch, firstStep);
    if (!this.#bar || epoch !== this.#barEpoch) {
      this.#barEpoch = epoch;
      this.#bar?.stop();
      const end = Math.min(epoch * stepsPerEpoch, totalSteps);
      this.#bar = new Progress(`epoch ${epoch}/${epochs}`, (end - begin) * batchTokens, 'tokens');
    }
    this.#epochTokens += batchTokens;
    const perplexity = Math.exp(lossSum / tokens);
    this.#bar.update((step - begin) * batchTokens, `perplexity ${perplexity.toFixed(2)}`);
  }

  /**
   * Returns the perplexity of the last epoch over the lanes of all workers heard of; their epochs end before the chief has
   * evaluated. Returns undefined if no part of it was trained here, for example by a worker that restarted at its end.
   */
  #trainPerplexity(): number | undefined {
    // A worker that has left the run has no result for this epoch.
    const epochs = [...this.#epochs.values()].filter(({ step }) => step === this.#epochs.get(this.#chief)?.step);
    const lossSum = epochs.reduce((sum, epoch) => sum + epoch.lossSum, 0);
    const tokens = epochs.reduce((sum, epoch) => sum + epoch.tokens, 0);
    const loss = ratio(lossSum, tokens);
    return loss === undefined ? undefined : Math.exp(loss);
  }

  #endEpoch(event: RunEpoch): void {
    this.#bar?.stop();
    this.#bar = undefined;
    const rate = rateOf(this.#epochTokens, event.seconds)?.toFixed(0);
    this.#tokens += this.#epochTokens;
    this.#epochTokens = 0;
    this.#seconds += event.seconds;
    this.#validPerplexity = event.validPerplexity;
    const { steps, sum } = this.#stale;
    this.#stale = { steps: 0, sum: 0 };
    const staleness = steps > 0 ? `, staleness ${(sum / steps).toFixed(1)}` : '';
    log(
      `epoch ${event.epoch}/${this.#start!.epochs}, step ${event.step}: training perplexity ${shown(this.#trainPerplexity())}, validation ${shown(this.#validPerplexity)}, ${rate ?? 'unknown'} tokens/s, learning rate ${Number(event.learningRate.toPrecision(4))}${staleness}`,
    );
  }
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

function shown(perplexity: number | undefined): string {
  return perplexity?.toFixed(2) ?? 'unknown';
}

function rounded(value: number | undefined, digits: number): number | null {
  return value === undefined ? null : Number(value.toFixed(digits));
}
