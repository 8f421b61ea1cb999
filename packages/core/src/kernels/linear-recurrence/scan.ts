/**
 * h_t = a_t∘h_(t−1) + b_t over a sequence, composed from TensorFlow.js ops, without a gradient of its own. Two steps of
 * this form are again one step of this form (Blelloch 1990). So the sequence is cut into chunks, which all advance at
 * once; the states passed from chunk to chunk are added afterwards. This takes about 2√T operations in sequence instead
 * of T. A tree of log₂T levels passes over memory so often that it is several times slower on CPUs.
 */
import * as tf from '@tensorflow/tfjs-core';

export interface Recurrence {
  /** Factors of all steps, [time·batch, width]. */
  readonly a: tf.Tensor;
  /** Summands of all steps, [time·batch, width]. */
  readonly b: tf.Tensor;
  /** [batch, width] */
  readonly initial: tf.Tensor;
  readonly time: number;
}

/**
 * Runs the recurrence over all steps.
 * @param direction `backward` starts from the last step: h_t = a_t∘h_(t+1) + b_t
 * @returns every h_t, [time·batch, width], and the one computed last, [batch, width]
 */
export function scan(
  { a, b, initial, time }: Recurrence,
  direction: 'forward' | 'backward' = 'forward',
): { states: tf.Tensor; last: tf.Tensor } {
  const length = Math.floor(Math.sqrt(time));
  const remainder = time % length;
  if (remainder > 0) return scanInTwo({ a, b, initial, time }, direction, time - remainder);
  const width = initial.size;
  const count = time / length;
  const ordered = <T>(items: readonly T[]) => (direction === 'forward' ? [...items] : items.toReversed());
  // One tensor [chunks, 1, batch·width] for each position in a chunk.
  const places = (rows: tf.Tensor) => ordered(split(tf.reshape(rows, [count, length, width]), length, 1));
  const [aPlaces, bPlaces] = [places(a), places(b)];

  // Within the chunks, each started from zeros; `factors` hold the product by which the state before a chunk enters
  // each position.
  const factors = [aPlaces[0]!];
  const sums = [bPlaces[0]!];
  for (let k = 1; k < length; k++) {
    factors.push(tf.mul(aPlaces[k]!, factors[k - 1]!));
    sums.push(tf.add(tf.mul(aPlaces[k]!, sums[k - 1]!), bPlaces[k]!));
  }

  // Pass the state from chunk to chunk.
  const chunkFactors = ordered(split(factors.at(-1)!, count, 0));
  const chunkSums = ordered(split(sums.at(-1)!, count, 0));
  const before: tf.Tensor[] = [];
  let state: tf.Tensor = tf.reshape(initial, [1, 1, width]);
  for (let k = 0; k < count; k++) {
    before.push(state);
    state = tf.add(tf.mul(chunkFactors[k]!, state), chunkSums[k]!);
  }

  const carried = tf.mul(join(ordered(factors), 1), join(ordered(before), 0));
  const states = tf.add(join(ordered(sums), 1), carried); // [chunks, length, batch·width]
  return { states: tf.reshape(states, a.shape), last: tf.reshape(state, initial.shape) };
}

/** Scans the steps up to `middle` and the rest separately, so that each part divides into whole chunks. */
function scanInTwo(
  { a, b, initial, time }: Recurrence,
  direction: 'forward' | 'backward',
  middle: number,
): { states: tf.Tensor; last: tf.Tensor } {
  const rowsOf = (steps: number) => (steps * a.shape[0]!) / time;
  const sizes = [rowsOf(middle), rowsOf(time - middle)];
  const [[aEarly, aLate], [bEarly, bLate]] = [tf.split(a, sizes), tf.split(b, sizes)];
  const early = { a: aEarly!, b: bEarly!, time: middle };
  const late = { a: aLate!, b: bLate!, time: time - middle };
  const [first, second] = direction === 'forward' ? [early, late] : [late, early];
  const begun = scan({ ...first, initial }, direction);
  const ended = scan({ ...second, initial: begun.last }, direction);
  const parts = direction === 'forward' ? [begun, ended] : [ended, begun];
  return { states: tf.concat(parts.map(({ states }) => states)), last: ended.last };
}

const split = (tensor: tf.Tensor, count: number, axis: number): tf.Tensor[] =>
  count === 1 ? [tensor] : tf.split(tensor, count, axis);

const join = (tensors: tf.Tensor[], axis: number): tf.Tensor =>
  tensors.length === 1 ? tensors[0]! : tf.concat(tensors, axis);
