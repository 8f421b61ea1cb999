/** Records ONNX's If and Loop on values of a graph model: tensors, and lists as tensors of all their elements. */
import * as tf from '@tensorflow/tfjs-core';
import type { OnnxGraph } from '../onnx/graph.js';
import { type TraceBackend, TraceError } from '../tracing/backend.js';
import { TensorList, type Value } from './values.js';

/**
 * Records a condition. A condition that is known takes its branch.
 * @param onTrue,onFalse compute the same number of values, with the same shapes
 */
export function conditional(
  backend: TraceBackend,
  condition: tf.Tensor,
  onTrue: () => Value[],
  onFalse: () => Value[],
): Value[] {
  const graph = backend.recorder;
  const known = graph.valuesOf(condition.dataId);
  if (known) return known[0] ? onTrue() : onFalse();
  const flag = tf.reshape(tf.cast(condition, 'bool'), []);
  let results: Value[] = [];
  const [thenBranch, elseBranch] = [onTrue, onFalse].map((branch) =>
    graph.body([], () => {
      results = branch();
      return results.map(asTensor);
    }),
  ) as [OnnxGraph, OnnxGraph];
  requireSameTypes(thenBranch.outputs, elseBranch.outputs, 'the branches give values');
  const types = results.map(typeOf);
  const outputs = graph.emitMany('If', [flag], types, {
    attributes: { then_branch: { g: thenBranch }, else_branch: { g: elseBranch } },
  });
  return outputs.map((info, k) => likeBefore(results[k]!, tf.engine().makeTensorFromTensorInfo(info, backend)));
}

export interface Loop {
  readonly initial: readonly Value[];
  /** For each value, whether the body returns it unchanged. */
  readonly isInvariant: readonly boolean[];
  readonly condition: (values: readonly Value[]) => tf.Tensor;
  readonly body: (values: readonly Value[]) => Value[];
}

/** Records a loop; returns the values after it. */
export function loop(backend: TraceBackend, { initial, isInvariant, condition, body }: Loop): Value[] {
  const graph = backend.recorder;
  /** All values, given those that vary. */
  const complete = (varying: readonly Value[]) => {
    const rest = [...varying];
    return initial.map((value, k) => (isInvariant[k] ? value : rest.shift()!));
  };
  const onlyVarying = (values: readonly Value[]) => values.filter((_, k) => !isInvariant[k]);
  const symbolic = (values: readonly Value[], tensors: readonly tf.TensorInfo[]) => {
    const rest = tensors.map((info) => tf.engine().makeTensorFromTensorInfo(info, backend));
    return values.map((value) => (isUnset(value) ? value : likeBefore(value, rest.shift()!)));
  };
  let states = onlyVarying(initial);
  if (states.some(isUnset)) {
    // Records the body once, to learn the shapes of lists that it fills, and drops what was recorded.
    let after: Value[] = [];
    graph.body(states.filter((value) => !isUnset(value)).map(typeOf), (tensors) => {
      after = onlyVarying(body(complete(symbolic(states, tensors))));
      return [];
    });
    states = states.map((value, k) => (isUnset(value) ? withShapeOf(value as TensorList, after[k]!) : value));
  }
  const bool = { shape: [], dtype: 'bool' as const };
  const asFlag = (tensor: tf.Tensor) => tf.reshape(tf.cast(tensor, 'bool'), []);
  const first = asFlag(condition(complete(states)));
  const types = states.map(typeOf);
  const recorded = graph.body(
    [bool, ...types],
    ([, ...tensors]) => {
      const after = body(complete(symbolic(states, tensors)));
      return [asFlag(condition(after)), ...onlyVarying(after).map(asTensor)];
    },
    { isCounted: true },
  );
  requireSameTypes(recorded.inputs.slice(2), recorded.outputs.slice(1), 'a step of the loop gives values');
  const results = graph.emitMany('Loop', ['', first, ...states.map(asTensor)], types, {
    attributes: { body: { g: recorded } },
  });
  return complete(symbolic(states, results));
}

/** Whether it is a list whose elements have no shape yet. */
function isUnset(value: Value): boolean {
  return value instanceof TensorList && !value.isShapeKnown;
}

function withShapeOf(list: TensorList, after: Value): Value {
  if (after instanceof TensorList && after.isShapeKnown) return list.withElementShape(after.elementShape!);
  throw new TraceError('a list is empty before and after the loop');
}

function asTensor(value: Value): tf.Tensor {
  return value instanceof TensorList ? value.stacked() : value;
}

function typeOf(value: Value): { shape: number[]; dtype: tf.DataType } {
  if (!(value instanceof TensorList)) return { shape: value.shape, dtype: value.dtype };
  return { shape: [value.size, ...value.elementShape!], dtype: value.dtype };
}

function likeBefore(value: Value, tensor: tf.Tensor): Value {
  return value instanceof TensorList ? value.withElements(tensor) : tensor;
}

function requireSameTypes(a: OnnxGraph['outputs'], b: OnnxGraph['outputs'], what: string): void {
  const described = (values: OnnxGraph['outputs']) =>
    values.map(({ dtype, shape }) => `${dtype} [${shape.join(', ')}]`);
  const [left, right] = [described(a), described(b)];
  const k = left.findIndex((type, index) => type !== right[index]);
  if (k !== -1) throw new TraceError(`${what} of different types, ${left[k]} and ${right[k]}, which is not converted`);
}
