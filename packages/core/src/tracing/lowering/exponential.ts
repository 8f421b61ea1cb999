/**
 * Functions of exponentials and logarithms that keep small values. ONNX has no expm1 and log1p, and ONNX Runtime's Elu
 * and Selu compute exp(x) − 1, in which float32 loses every x below 6e-8.
 */
import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { GraphRecorder } from '../recorder.js';

/** exp(x) − 1 = tanh(x / 2)·(exp(x) + 1), in which nothing cancels. */
export function expm1(graph: GraphRecorder, x: TensorInfo): TensorInfo {
  const half = graph.emit('Tanh', [graph.emit('Mul', [x, graph.scalar(0.5)], x)], x);
  return graph.emit('Mul', [half, graph.emit('Add', [graph.emit('Exp', [x], x), graph.scalar(1)], x)], x);
}

/** log(1 + x), with u = 1 + x as float32 rounds it: log(u) + (x − (u − 1)) / u. */
export function log1p(graph: GraphRecorder, x: TensorInfo): TensorInfo {
  const u = graph.emit('Add', [x, graph.scalar(1)], x);
  const rounded = graph.emit('Sub', [u, graph.scalar(1)], x);
  const logarithm = graph.emit('Log', [u], x);
  const correction = graph.emit('Div', [graph.emit('Sub', [x, rounded], x), u], x);
  // Without an error there is no correction; for infinity and −1 the formula would give NaN.
  const isExact = graph.emit('Equal', [x, rounded], { shape: x.shape, dtype: 'bool' });
  return graph.emit('Where', [isExact, logarithm, graph.emit('Add', [logarithm, correction], x)], x);
}

/** x where it is positive, else exp(x) − 1. */
export function elu(graph: GraphRecorder, x: TensorInfo): TensorInfo {
  return graph.emit('Add', [graph.emit('Relu', [x], x), expm1(graph, negativePart(graph, x))], x);
}

/** Elu with TensorFlow.js's two scales. */
export function selu(graph: GraphRecorder, x: TensorInfo): TensorInfo {
  const positive = graph.emit('Mul', [graph.emit('Relu', [x], x), graph.scalar(backend_util.SELU_SCALE)], x);
  const negative = expm1(graph, negativePart(graph, x));
  const scaled = graph.emit('Mul', [negative, graph.scalar(backend_util.SELU_SCALEALPHA)], x);
  return graph.emit('Add', [positive, scaled], x);
}

const negativePart = (graph: GraphRecorder, x: TensorInfo) => graph.emit('Min', [x, graph.scalar(0)], x);
