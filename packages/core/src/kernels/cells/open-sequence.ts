/**
 * Records a recurrent cell over a sequence of any length: as ONNX's LSTM, GRU or RNN, or else as a Scan, whose body is
 * one step of the cell. Without gradients.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { TraceBackend } from '../../tracing/backend.js';
import type { GraphRecorder } from '../../tracing/recorder.js';
import { flattenSteps } from '../time-steps.js';
import type { ActivationName } from './activations.js';
import type { CellOperator, CellWeights, RecurrentCell } from './cell.js';

interface OpenInputs {
  /** [time, batch, input] */
  readonly x: tf.Tensor;
  readonly weights: CellWeights;
  readonly states: readonly tf.Tensor[];
  /** [time·batch, 1] */
  readonly mask?: tf.Tensor;
  /** [batch, hidden] */
  readonly recurrentDropout?: tf.Tensor;
}

/** Outputs: the first state of all steps, [time, batch, width], and the last states. */
export function openSequence(backend: TraceBackend, cell: RecurrentCell, inputs: OpenInputs): tf.Tensor[] {
  const outputs = byOperator(backend.recorder, cell, inputs) ?? byScan(backend, cell, inputs);
  return outputs.map((info) => tf.engine().makeTensorFromTensorInfo(info, backend));
}

/** The activations that the operators have with their default parameters. */
const operatorActivations: Partial<Record<ActivationName, string>> = {
  tanh: 'Tanh',
  sigmoid: 'Sigmoid',
  relu: 'Relu',
  hardSigmoid: 'HardSigmoid',
};

function byOperator(graph: GraphRecorder, cell: RecurrentCell, inputs: OpenInputs): tf.TensorInfo[] | undefined {
  const { x, weights, states, mask, recurrentDropout } = inputs;
  const { kernel, recurrentKernel, bias, recurrentBias, ...others } = weights;
  const activations = cell.operator?.activations.map((name) => operatorActivations[name]);
  if (!cell.operator || activations!.includes(undefined) || mask || recurrentDropout) return undefined;
  if (Object.keys(others).length > 0) return undefined;
  const { opType, gates } = cell.operator;
  const hidden = recurrentKernel!.shape[0]!;
  const matrices = [kernel!, recurrentKernel!].map((each) => gateRows(graph, each, gates));
  const vectors = [bias!, recurrentBias].map((each) =>
    each ? gateRows(graph, tf.reshape(each, [1, each.size]), gates) : new Float32Array(gates.length * hidden),
  );
  if (matrices.includes(undefined) || vectors.includes(undefined)) return undefined;
  const constant = (values: Float32Array, shape: number[]) => graph.constant(values, { shape, dtype: 'float32' });
  const [time, batch, width] = x.shape as [number, number, number];
  const rows = gates.length * hidden;
  const direction = (state: tf.Tensor) =>
    graph.emit('Unsqueeze', [state, graph.int64([0])], { shape: [1, batch, hidden], dtype: 'float32' });
  const operands = [
    ...[x, constant(matrices[0]!, [1, rows, width]), constant(matrices[1]!, [1, rows, hidden])],
    constant(Float32Array.from(vectors.flatMap((vector) => [...vector!])), [1, 2 * rows]),
    ...['', ...states.map(direction)],
  ];
  const last = { shape: [1, batch, hidden], dtype: 'float32' } as const;
  const types = [{ shape: [time, 1, batch, hidden], dtype: 'float32' } as const, ...states.map(() => last)];
  const [outputs, ...after] = graph.emitMany(opType, operands, types, {
    attributes: {
      hidden_size: { i: hidden },
      activations: { strings: activations as string[] },
      ...(opType === 'GRU' && { linear_before_reset: { i: recurrentBias ? 1 : 0 } }),
    },
  });
  const squeezed = (tensor: tf.TensorInfo, axis: number) =>
    graph.emit('Squeeze', [tensor, graph.int64([axis])], { shape: tensor.shape.toSpliced(axis, 1), dtype: 'float32' });
  return [squeezed(outputs!, 1), ...after.map((state) => squeezed(state, 0))];
}

/**
 * Transposes a matrix [n, gates·hidden], so that each row belongs to one unit of a gate, and puts the gates in the
 * operator's order. Undefined if the values are known only when the graph runs.
 */
function gateRows(graph: GraphRecorder, matrix: tf.TensorInfo, gates: CellOperator['gates']): Float32Array | undefined {
  const values = graph.valuesOf(matrix.dataId);
  if (!values) return undefined;
  const [rows, columns] = matrix.shape as [number, number];
  const hidden = columns / gates.length;
  const ordered = new Float32Array(rows * columns);
  for (const [position, gate] of gates.entries()) {
    for (let unit = 0; unit < hidden; unit++) {
      const start = (position * hidden + unit) * rows;
      for (let row = 0; row < rows; row++) ordered[start + row] = values[row * columns + gate * hidden + unit]!;
    }
  }
  return ordered;
}

function byScan(backend: TraceBackend, cell: RecurrentCell, inputs: OpenInputs): tf.TensorInfo[] {
  const { x, weights, states, mask, recurrentDropout } = inputs;
  const graph = backend.recorder;
  const [time, batch] = x.shape as [number, number];
  const width = weights.kernel!.shape[1]!;
  const float = (shape: number[]) => ({ shape, dtype: 'float32' as const });
  const projected = tf.add(tf.matMul(flattenSteps(x), weights.kernel!), weights.bias!);
  const steps = [tf.reshape(projected, [time, batch, width]), ...(mask ? [tf.reshape(mask, [time, batch, 1])] : [])];
  const types = [...states.map(({ shape }) => float(shape)), ...steps.map(({ shape }) => float(shape.slice(1)))];
  const step = cell.forward(weights);
  const body = graph.body(types, (symbols) => {
    const tensors = symbols.map((info) => tf.engine().makeTensorFromTensorInfo(info, backend));
    const before = tensors.slice(0, states.length);
    const [current, keep] = tensors.slice(states.length);
    const recurrent = recurrentDropout ? tf.mul(before[0]!, recurrentDropout) : before[0]!;
    const after = step({ projected: current!, recurrent, states: before }).states.map((state, k) =>
      keep ? tf.add(tf.mul(state, keep), tf.mul(before[k]!, tf.sub(1, keep))) : state,
    );
    return [...after, after[0]!];
  });
  const outputs = [...states.map(({ shape }) => float(shape)), float([time, ...states[0]!.shape])];
  const results = graph.emitMany('Scan', [...states, ...steps], outputs, {
    attributes: { body: { g: body }, num_scan_inputs: { i: steps.length } },
  });
  return [results.at(-1)!, ...results.slice(0, -1)];
}
