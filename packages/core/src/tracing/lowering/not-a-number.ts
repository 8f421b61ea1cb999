/** Handles NaN, which ONNX Runtime's Max reductions and pooling neither keep nor drop consistently. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { GraphRecorder } from '../recorder.js';

/** A boolean tensor: whether each value is NaN. */
export function isNaNOf(graph: GraphRecorder, x: TensorInfo): TensorInfo {
  return graph.emit('IsNaN', [x], { shape: x.shape, dtype: 'bool' });
}

/** Replaces NaN by −∞, so that it is no maximum. */
export function withoutNaN(graph: GraphRecorder, x: TensorInfo): TensorInfo {
  return graph.emit('Where', [isNaNOf(graph, x), graph.scalar(Number.NEGATIVE_INFINITY), x], x);
}
