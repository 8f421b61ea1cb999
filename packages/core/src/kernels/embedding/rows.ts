/**
 * The gradient of an embedding as rows, one for each token; rows with the same id add up. A table of the gradient,
 * nearly all of it zeros, is needed only if every entry of the embedding changes.
 */
import * as tf from '@tensorflow/tfjs-core';
import { sumRowsById } from './lookup.js';

/**
 * Adds to each row all other rows with the same id. One of the rows with an id, whichever, is the place of their sum,
 * which adds them in their order.
 * @param rows [count, dim]
 * @param ids int32 [count], each below `vocabSize`
 * @returns [count, dim]
 */
export function combineRows(rows: tf.Tensor2D, ids: tf.Tensor1D, vocabSize: number): tf.Tensor2D {
  const [count, dim] = rows.shape;
  const column = tf.reshape(ids, [count, 1]) as tf.Tensor2D;
  // Positions are exact in float32 up to 2²⁴; not every backend scatters integers.
  const positions = tf.range(0, count, 1, 'float32');
  const placeOfId = tf.tensorScatterUpdate(tf.zeros([vocabSize]), column, positions);
  const places = tf.cast(tf.gather(placeOfId, ids), 'int32');
  return tf.gather(sumRowsById(rows, places, [count, dim]), places);
}

/**
 * The sum of squares of the table that results from adding rows up by id.
 * @param combined `combineRows(rows, ids, vocabSize)`
 */
export function sumOfSquaresOfRows(rows: tf.Tensor2D, combined: tf.Tensor2D): tf.Scalar {
  return tf.sum(tf.mul(rows, combined)); // Σᵢ⟨rᵢ, Σⱼ rⱼ⟩ over equal ids i, j is Σ‖Σ r‖² over ids
}

/**
 * Replaces the rows of `table` [vocab, dim] at `ids` int32 [count].
 * @param rows [count, dim]; equal ids must have equal rows
 */
export function replaceRows(table: tf.Tensor2D, ids: tf.Tensor1D, rows: tf.Tensor2D): tf.Tensor2D {
  return tf.tensorScatterUpdate(table, tf.reshape(ids, [-1, 1]), rows) as tf.Tensor2D;
}
