/**
 * `EmbeddingLookup`: looks up rows of a table by id. Its gradient sums the rows' gradients by id, repeated ids
 * included.
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';

/** Composed from scatterND, which sums repeated ids and exists on every backend. Its gradient is the lookup. */
const scatterRows = defineKernel<{ rows: tf.Tensor; ids: tf.Tensor }, { tableShape: [number, number] }>({
  name: 'EmbeddingLookupGrad',
  forward: ({ rows, ids }, { tableShape }) => [tf.scatterND(tf.reshape(ids, [ids.size, 1]), rows, tableShape)],
  saves: { inputs: ['ids'], outputs: [false] },
  gradient: ([dTable], [ids]) => ({ rows: () => tf.gather(dTable!, tf.reshape(ids!, [ids!.size])) }),
});

const lookup = defineKernel<{ table: tf.Tensor; ids: tf.Tensor }, { tableShape: [number, number] }>({
  name: 'EmbeddingLookup',
  forward: ({ table, ids }) => [tf.gather(table, ids)],
  saves: { inputs: ['ids'], outputs: [false] },
  gradient: ([dRows], [ids], { tableShape }) => ({
    table: () => sumRowsById(dRows!, ids!, tableShape),
  }),
});

/**
 * Sums `rows` [...ids.shape, dim] by id into a table; rows without an id are zero.
 * @param tableShape [vocab, dim]
 */
export function sumRowsById(rows: tf.Tensor, ids: tf.Tensor, tableShape: [number, number]): tf.Tensor2D {
  const [table] = scatterRows({ rows: tf.reshape(rows, [ids.size, tableShape[1]]), ids }, { tableShape });
  return table as tf.Tensor2D;
}

/**
 * Looks up the rows of `table` [vocab, dim] at int32 `ids`.
 * @returns [...ids.shape, dim]
 */
export function embeddingLookup(table: tf.Tensor2D, ids: tf.Tensor): tf.Tensor {
  return lookup({ table, ids }, { tableShape: table.shape })[0]!;
}
