/**
 * Lets a program run on tensors in place of the variables that its code closes over: what a variable holds is an input,
 * and what is assigned to it an output. The variables themselves stay as they were.
 */
import * as tf from '@tensorflow/tfjs-core';

export interface Run<R> {
  readonly result: R;
  /** The last value assigned to each variable. */
  readonly assigned: ReadonlyMap<tf.Variable, tf.Tensor>;
}

/** Calls `run` while each variable among `values` holds that tensor and assignments to any variable are collected. */
export function withVariables<R>(values: ReadonlyMap<tf.Variable, tf.Tensor>, run: () => R): Run<R> {
  const ownData = new Map<tf.Variable, object>();
  const assigned = new Map<tf.Variable, tf.Tensor>();
  const hold = (variable: tf.Variable, value: tf.Tensor) => {
    if (!ownData.has(variable)) ownData.set(variable, variable.dataId);
    variable.dataId = value.dataId;
  };
  const { assign } = tf.Variable.prototype;
  tf.Variable.prototype.assign = function (this: tf.Variable, value: tf.Tensor) {
    const copy = tf.keep(tf.clone(value)); // what is assigned may be disposed at the end of a tidy
    hold(this, copy);
    assigned.get(this)?.dispose();
    assigned.set(this, copy);
  };
  try {
    for (const [variable, value] of values) hold(variable, value);
    return { result: run(), assigned: released(assigned) };
  } finally {
    tf.Variable.prototype.assign = assign;
    for (const [variable, dataId] of ownData) variable.dataId = dataId;
    tf.dispose([...assigned.values()]);
  }
}

/** Tensors that belong to the scope of the caller. */
function released(kept: ReadonlyMap<tf.Variable, tf.Tensor>): Map<tf.Variable, tf.Tensor> {
  return new Map([...kept].map(([variable, tensor]) => [variable, tf.clone(tensor)]));
}
