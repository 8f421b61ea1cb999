/** The loss of each lane since the epoch began. */
import type { TrainingBatch } from './batch-source.js';
import type { LossSum } from './learner.js';

export class LaneLosses {
  /** Loss summed over each lane's tokens or examples, `[lanes]`. */
  readonly sums: Float64Array;
  /** Number of tokens or examples of each lane, `[lanes]`. */
  readonly counts: Float64Array;

  constructor(lanes: number) {
    this.sums = new Float64Array(lanes);
    this.counts = new Float64Array(lanes);
  }

  /** Adds the losses that a program computed for a batch, and returns their sum. A batch that begins an epoch resets the totals first. */
  add(batch: TrainingBatch, outputs: Readonly<Record<string, Float32Array>>): LossSum {
    if (batch.beginsEpoch) {
      this.sums.fill(0);
      this.counts.fill(0);
    }
    const { sums, counts } = batch.lossesOf(outputs);
    for (let lane = 0; lane < sums.length; lane++) {
      this.sums[lane]! += sums[lane]!;
      this.counts[lane]! += counts[lane]!;
    }
    return { lossSum: sumOf(sums), count: sumOf(counts) };
  }

  get total(): LossSum {
    return { lossSum: sumOf(this.sums), count: sumOf(this.counts) };
  }
}

function sumOf(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
