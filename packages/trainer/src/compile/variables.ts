/**
 * Runs a program on tensors in place of the variables that its code closes over. A variable's value becomes an input,
 * and a value assigned to it an output. The variables themselves do not change.
 */
import * as tf from '@tensorflow/tfjs-core';

export interface Run<R> {
  readonly result: R;
  /** The last value assigned to each variable. */
  readonly assigned: ReadonlyMap<tf.Variable, tf.Tensor>;
}

/** Calls `run` while each variable among `values` holds its tensor, and collects the assignments to any variable. */
export function withVariables<R>(values: ReadonlyMap<tf.Variable, tf.Tensor>, run: () => R): Run<R> {
  const ownData = new Map<tf.Variable, object>();
  const assigned = new Map<tf.Variable, tf.Tensor>();
  const hold = (variable: tf.Variable, value: tf.Tensor) => {
    if (!ownData.has(variable)) ownData.set(variable, variable.dataId);
    variable.dataId = value.dataId;
  };
  const { assign } = tf.Variable.prototype;
  tf.Variable.prototype.assign = function (this: tf.Variable, value: tf.Tensor) {
    const copy = tf.keep(tf.clone(value)); // the value may be disposed of at the end of a tidy
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

/** Returns clones of the tensors that belong to the caller's scope. */
function released(kept: ReadonlyMap<tf.Variable, tf.Tensor>): Map<tf.Variable, tf.Tensor> {
  return new Map([...kept].map(([variable, tensor]) => [variable, tf.clone(tensor)]));
}
