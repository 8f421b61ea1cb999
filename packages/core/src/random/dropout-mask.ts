/**
 * Dropout masks, drawn on the host. They are inputs of the training step, not part of its graph. So they are the same
 * on every engine, and a resumed run draws what an uninterrupted run would have drawn. Srivastava et al. (2014), in the
 * inverted form: training scales the kept elements up, so that inference scales nothing.
 */

export interface DropoutMask {
  /** Probability of dropping an element, in [0, 1), rounded to a multiple of 2^-16. */
  readonly rate: number;
  /** An integer in [0, 2^53). */
  readonly seed: number;
  /** The training step. */
  readonly step: number;
  /** Index of this mask among the model's masks, as in `dropoutWidths`. */
  readonly site: number;
  /** Position of the mask's first sequence among all sequences of the global batch; 0 for a single worker. */
  readonly firstLane: number;
  /** Number of sequences in the mask, the batch size. */
  readonly lanes: number;
  readonly time: number;
  readonly width: number;
}

/**
 * Fills `mask` [time·lanes, width], time-major, with zeros and 1/(1 − rate).
 *
 * An element is a function of (seed, step, site, lane, position within the lane) alone. So workers that share the lanes
 * of a batch draw together what one worker with all lanes would draw.
 *
 * @throws RangeError if `mask` has another size
 */
export function fillDropoutMask(mask: Float32Array, options: DropoutMask): void {
  const { rate, seed, step, site, firstLane, lanes, time, width } = options;
  if (mask.length !== time * lanes * width) {
    throw new RangeError(
      `a dropout mask of ${time}·${lanes}·${width} elements does not fit an array of ${mask.length}; give one of its size`,
    );
  }
  const scale = 1 / (1 - rate);
  const threshold = Math.round(rate * 2 ** 16);
  for (let lane = 0; lane < lanes; lane++) {
    const stream = randomStream(seed, step, site, firstLane + lane);
    for (let row = 0; row < time; row++) {
      const start = (row * lanes + lane) * width;
      for (let column = 0; column < width; column += 2) {
        const bits = nextBits(stream); // 16 for each of two elements
        mask[start + column] = scale * Number((bits & 0xffff) >= threshold);
        if (column + 1 < width) mask[start + column + 1] = scale * Number(bits >>> 16 >= threshold);
      }
    }
  }
}

function randomStream(seed: number, step: number, site: number, lane: number): Int32Array {
  const stream = Int32Array.of(seed, step, (site << 24) ^ lane, Math.floor(seed / 2 ** 32));
  // Discard the first numbers, which are still alike in neighbouring streams.
  for (let k = 0; k < 15; k++) nextBits(stream);
  return stream;
}

/** sfc32, as in seeded-random.ts, but inlined into the calling loop: a closure would take four times as long. */
function nextBits(state: Int32Array): number {
  const a = state[0]!;
  const b = state[1]!;
  const c = state[2]!;
  const counter = state[3]!;
  const sum = (((a + b) | 0) + counter) | 0;
  state[0] = b ^ (b >>> 9);
  state[1] = (c + (c << 3)) | 0;
  state[2] = (((c << 21) | (c >>> 11)) + sum) | 0;
  state[3] = (counter + 1) | 0;
  return sum;
}
