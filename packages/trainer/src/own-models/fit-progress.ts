/**
 * Lets TensorFlow.js's `fit` with `verbose: 1` print in Node: a progress line on a terminal, and a line for each epoch.
 * Without it only TensorFlow's own native binding prints. Importing this module does it, for every model.
 */
import { type Tensor, util } from '@tensorflow/tfjs-core';
import { Callback, registerCallbackConstructor } from '@tensorflow/tfjs-layers';
import { log } from '../terminal/log.js';
import { Progress } from '../terminal/progress.js';

type Logs = Readonly<Record<string, number | Tensor>>;

class FitProgress extends Callback {
  #bar: Progress | undefined;
  #done = 0;
  #began = 0;

  override async onEpochBegin(epoch: number): Promise<void> {
    const { samples, steps } = this.params as { readonly samples?: number; readonly steps?: number };
    this.#done = 0;
    this.#began = util.now();
    const total = samples ?? steps;
    this.#bar = total ? new Progress(this.#nameOf(epoch), total, samples ? 'examples' : 'batches') : undefined;
  }

  override async onBatchEnd(_: number, logs?: Logs): Promise<void> {
    const { samples } = this.params as { readonly samples?: number };
    this.#done += samples ? Number(logs?.size ?? 0) : 1;
    this.#bar?.update(this.#done);
  }

  override async onEpochEnd(epoch: number, logs: Logs = {}): Promise<void> {
    this.#bar?.stop();
    const figures: string[] = [];
    for (const [name, value] of Object.entries(logs)) {
      const number = typeof value === 'number' ? value : (await value.data())[0]!;
      figures.push(`${name} ${Number(number.toPrecision(5))}`);
    }
    const seconds = (util.now() - this.#began) / 1000;
    log(`${this.#nameOf(epoch)}: ${[...figures, `${seconds.toFixed(1)} s`].join(', ')}`);
  }

  #nameOf(epoch: number): string {
    const { epochs } = this.params as { readonly epochs?: number };
    return `epoch ${epoch + 1}/${epochs ?? '?'}`;
  }
}

registerCallbackConstructor(1, FitProgress);
