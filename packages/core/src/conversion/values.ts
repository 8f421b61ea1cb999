/**
 * Values of a graph model while it is converted: tensors, and TensorFlow's lists and arrays of tensors. A list is one
 * tensor whose first axis numbers the elements. Elements all have the same shape, and their number is fixed when the
 * model is converted.
 */
import * as tf from '@tensorflow/tfjs-core';
import { TraceError } from '../tracing/backend.js';

/** A tensor or, for the handle of a list, the list. */
export type Value = tf.Tensor | TensorList;

/** A list; operations return new ones. */
export class TensorList {
  /**
   * @param size number of elements
   * @param dtype of the elements
   * @param elementShape undefined, or with sizes of −1, if it is not known before the first element is set
   * @param elements all elements, [size, …element]; undefined for zeros
   */
  constructor(
    readonly size: number,
    readonly dtype: tf.DataType,
    readonly elementShape: readonly number[] | undefined,
    readonly elements?: tf.Tensor,
  ) {}

  get isShapeKnown(): boolean {
    return this.elements !== undefined || (this.elementShape?.every((size) => size >= 0) ?? false);
  }

  withElements(elements: tf.Tensor): TensorList {
    return new TensorList(elements.shape[0]!, elements.dtype, elements.shape.slice(1), elements);
  }

  withElementShape(shape: readonly number[]): TensorList {
    return new TensorList(this.size, this.dtype, shape, this.elements);
  }

  /** All elements as a tensor. */
  stacked(): tf.Tensor {
    if (this.elements) return this.elements;
    if (this.isShapeKnown) return tf.zeros([this.size, ...this.elementShape!], this.dtype);
    throw new TraceError('reads a list in which nothing was set');
  }

  set(index: tf.Tensor, element: tf.Tensor): TensorList {
    if (this.size <= 0) throw new TraceError('sets an element of a list whose length is not known');
    const before = this.isShapeKnown ? this : this.withElementShape(element.shape);
    const position = tf.reshape(index, [1, 1]);
    return this.withElements(tf.tensorScatterUpdate(before.stacked(), position, tf.expandDims(element, 0)));
  }

  gathered(indices: tf.Tensor): tf.Tensor {
    return tf.gather(this.stacked(), indices as tf.Tensor1D);
  }
}

/** @throws TraceError if it is a list, or missing */
export function tensorOf(value: Value | undefined): tf.Tensor {
  if (value && !(value instanceof TensorList)) return value;
  throw new TraceError(value ? 'takes a list of tensors, where a tensor is needed' : 'lacks an input');
}
