/**
 * The gradient of an embedding as the rows that it has: one a token, of which those with the same id add up. A table of
 * that gradient, nearly all of it zeros, is needed only where every entry of the embedding changes.
 */
import * as tf from '@tensorflow/tfjs-core';

/**
 * Each row with all the others of its id added to it, by the product with the matrix that says which ids are equal: rows
 * are few, and the sum's order is fixed.
 * @param rows [count, dim]
 * @param ids int32 [count]
 * @returns [count, dim]
 */
export function combineRows(rows: tf.Tensor2D, ids: tf.Tensor1D): tf.Tensor2D {
  const equal = tf.equal(tf.reshape(ids, [-1, 1]), tf.reshape(ids, [1, -1]));
  return tf.matMul(tf.cast(equal, 'float32') as tf.Tensor2D, rows);
}

/**
 * The sum of squares of the table into which rows are added up by id.
 * @param combined `combineRows(rows, ids)`
 */
export function sumOfSquaresOfRows(rows: tf.Tensor2D, combined: tf.Tensor2D): tf.Scalar {
  return tf.sum(tf.mul(rows, combined)); // Σᵢ⟨rᵢ, Σⱼ rⱼ⟩ over equal ids i, j is Σ‖Σ r‖² over ids
}

/**
 * `table` [vocab, dim] with other rows at `ids` int32 [count].
 * @param rows [count, dim], equal where the ids are
 */
export function replaceRows(table: tf.Tensor2D, ids: tf.Tensor1D, rows: tf.Tensor2D): tf.Tensor2D {
  return tf.tensorScatterUpdate(table, tf.reshape(ids, [-1, 1]), rows) as tf.Tensor2D;
}
