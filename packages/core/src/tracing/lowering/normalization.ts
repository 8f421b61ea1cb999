/** Batch normalisation of activations. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Lowering, LoweringTable } from './lowering.js';

/** (x − mean)·scale/√(variance + ε) + offset, with one product and one sum over the whole of x. */
const batchNorm: Lowering = ({ inputs, attrs, graph }) => {
  const { x, mean, variance, scale, offset } = inputs as Record<'x' | 'mean' | 'variance', TensorInfo> & {
    scale?: TensorInfo;
    offset?: TensorInfo;
  };
  const epsilon = graph.scalar(attrs.varianceEpsilon as number);
  const deviation = graph.emit('Sqrt', [graph.emit('Add', [variance, epsilon], variance)], variance);
  const factor = scale
    ? graph.emit('Div', [scale, deviation], variance)
    : graph.emit('Reciprocal', [deviation], variance);
  const centre = graph.emit('Mul', [mean, factor], mean);
  const shift = offset ? graph.emit('Sub', [offset, centre], mean) : graph.emit('Neg', [centre], mean);
  return graph.emit('Add', [graph.emit('Mul', [x, factor], x), shift], x);
};

export const normalization: LoweringTable = { FusedBatchNorm: batchNorm };
