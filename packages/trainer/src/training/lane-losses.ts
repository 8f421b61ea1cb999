/** The loss of each lane since the epoch began. */
import type { Batch } from '../data/batches.js';
import type { LossSum } from './learner.js';

export class LaneLosses {
  /** Loss summed over each lane's tokens, in nats, `[lanes]`. */
  readonly sums: Float64Array;
  /** Number of tokens of each lane, `[lanes]`. */
  readonly tokens: Float64Array;

  constructor(lanes: number) {
    this.sums = new Float64Array(lanes);
    this.tokens = new Float64Array(lanes);
  }

  /**
   * Adds a step's losses, `[time · lanes]`, time-major, and returns their sum. A batch that begins an epoch resets the
   * totals first.
   */
  add(tokenLosses: Float32Array, { ids, lanes, resetState }: Batch): LossSum {
    if (resetState) {
      this.sums.fill(0);
      this.tokens.fill(0);
    }
    let lossSum = 0;
    for (let k = 0; k < ids.length; k++) {
      lossSum += tokenLosses[k]!;
      this.sums[k % lanes]! += tokenLosses[k]!;
      this.tokens[k % lanes]! += 1;
    }
    return { lossSum, tokens: ids.length };
  }

  get total(): LossSum {
    const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
    return { lossSum: sum(this.sums), tokens: sum(this.tokens) };
  }
}
