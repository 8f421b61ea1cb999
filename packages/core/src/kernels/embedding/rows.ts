/**
 * The gradient of an embedding as rows, one for each token; rows with the same id add up. A table of the gradient,
 * nearly all of it zeros, is needed only if every entry of the embedding changes.
 */
import * as tf from '@tensorflow/tfjs-core';

/**
 * Adds to each row all other rows with the same id, by a product with the matrix that marks equal ids. Rows are few,
 * and this fixes the order of summation.
 * @param rows [count, dim]
 * @param ids int32 [count]
 * @returns [count, dim]
 */
export function combineRows(rows: tf.Tensor2D, ids: tf.Tensor1D): tf.Tensor2D {
  const equal = tf.equal(tf.reshape(ids, [-1, 1]), tf.reshape(ids, [1, -1]));
  return tf.matMul(tf.cast(equal, 'float32') as tf.Tensor2D, rows);
}

/**
 * The sum of squares of the table that results from adding rows up by id.
 * @param combined `combineRows(rows, ids)`
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
