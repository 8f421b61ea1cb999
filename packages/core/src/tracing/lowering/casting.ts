/** Conversion between element types. */
import { type DataType, type TensorInfo, upcastType } from '@tensorflow/tfjs-core';
import { TraceError } from '../backend.js';
import type { GraphRecorder } from '../recorder.js';

const elementTypeCodes: Partial<Record<DataType, number>> = { float32: 1, int32: 6, bool: 9 };

/**
 * Converts as TensorFlow.js does: floats lose their fraction, numbers other than zero are true, and NaN and infinities
 * become the integer 0. Floats beyond the range of int32 become 0 too, where JavaScript keeps the lowest 32 bits.
 */
export function castTo(graph: GraphRecorder, x: TensorInfo, dtype: DataType): TensorInfo {
  if (dtype === x.dtype) return graph.alias(x);
  const to = elementTypeCodes[dtype];
  if (to === undefined) throw new TraceError(`cannot trace a cast to dtype '${dtype}'`);
  const source = x.dtype === 'float32' && dtype === 'int32' ? withinInt32(graph, x) : x;
  return graph.emit('Cast', [source], { shape: x.shape, dtype }, { attributes: { to: { i: to } } });
}

/** Converts positions, which an operator of ONNX gives as int64 whatever type was declared, to int32. */
export function positionsAsInt32(graph: GraphRecorder, positions: TensorInfo): TensorInfo {
  const type = { shape: positions.shape, dtype: 'int32' } as const;
  return graph.emit('Cast', [positions], type, { attributes: { to: { i: elementTypeCodes.int32! } } });
}

function withinInt32(graph: GraphRecorder, x: TensorInfo): TensorInfo {
  const size = graph.emit('Abs', [x], x);
  const isInRange = graph.emit('LessOrEqual', [size, graph.scalar(2 ** 31)], { shape: x.shape, dtype: 'bool' });
  return graph.emit('Where', [isInRange, x, graph.scalar(0)], x);
}

/** The type to which TensorFlow.js converts operands of two types. */
export function commonType(...tensors: readonly TensorInfo[]): DataType {
  return tensors.map(({ dtype }) => dtype).reduce(upcastType);
}
