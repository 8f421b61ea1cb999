/** Follows the training of a task's model: shows it on stderr and sums up the result. */
import { log } from '../terminal/log.js';
import { Progress } from '../terminal/progress.js';
import type { TaskEvent, TaskStarted, TaskStepped, TaskValidated } from './train-task.js';

export interface TaskTrainingResult {
  readonly checkpoint: string;
  readonly task: string;
  /** Number of updates of the model so far. */
  readonly steps: number;
  /** The epoch of the parameters in the checkpoint's model; `value` is its validation metric. */
  readonly bestEpoch: number;
  readonly metric: string;
  readonly value: number;
  /** Training examples per second, without validation and checkpoints. */
  readonly examplesPerSecond: number;
  readonly engine: string;
}

export class TaskReport {
  readonly #task: string;
  readonly #checkpoint: string;
  #start: TaskStarted | undefined;
  #last: TaskValidated | undefined;
  #bar: Progress | undefined;
  #barExamples = 0;
  #examples = 0;
  #seconds = 0;

  constructor(task: string, checkpoint: string) {
    this.#task = task;
    this.#checkpoint = checkpoint;
  }

  add(event: TaskEvent): void {
    switch (event.type) {
      case 'start':
        this.#start = event;
        for (const notice of event.notices) log(notice, 'warning');
        log(
          `${event.engine}: ${event.parameters} parameters, ${event.examples} training examples, ${event.validExamples} for validation, ${event.totalSteps - event.firstStep} steps`,
        );
        break;
      case 'step':
        this.#showStep(event);
        break;
      case 'epoch':
        this.#endEpoch(event);
        break;
    }
  }

  /** The step of the last checkpoint; 0 if there is none yet. */
  get checkpointStep(): number {
    return this.#last?.step ?? 0;
  }

  /** Clears the progress bar from the terminal. */
  close(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  /**
   * Returns the result.
   * @throws Error before the first epoch has ended
   */
  result(): TaskTrainingResult {
    if (!this.#start || !this.#last) throw new Error('no epoch has ended');
    return {
      checkpoint: this.#checkpoint,
      task: this.#task,
      steps: this.#last.step,
      bestEpoch: this.#last.best.epoch,
      metric: this.#last.metric,
      value: this.#last.best.value,
      examplesPerSecond: Number((this.#examples / this.#seconds).toFixed(1)),
      engine: this.#start.engine,
    };
  }

  #showStep({ step, examples, loss }: TaskStepped): void {
    const { stepsPerEpoch, epochs, examples: all } = this.#start!;
    this.#bar ??= new Progress(`epoch ${Math.ceil(step / stepsPerEpoch)}/${epochs}`, all, 'examples');
    this.#barExamples += examples;
    this.#examples += examples;
    this.#bar.update(this.#barExamples, `loss ${loss.toFixed(4)}`);
  }

  #endEpoch(event: TaskValidated): void {
    this.close();
    this.#last = event;
    this.#seconds += event.seconds;
    const rate = Math.round(this.#barExamples / event.seconds);
    this.#barExamples = 0;
    const earlier =
      event.best.epoch === event.epoch ? '' : ` (best: ${event.best.value.toFixed(4)}, epoch ${event.best.epoch})`;
    log(
      `epoch ${event.epoch}/${this.#start!.epochs}, step ${event.step}: loss ${event.loss.toFixed(4)}, validation ${event.metric} ${event.value.toFixed(4)}${earlier}, ${rate} examples/s`,
    );
  }
}
