/** The activation that TensorFlow.js's fused kernels apply to their result. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { TraceError } from '../backend.js';
import { elu } from './exponential.js';
import type { KernelCall } from './lowering.js';

const opTypes: Readonly<Record<string, string>> = { relu: 'Relu', sigmoid: 'Sigmoid', tanh: 'Tanh' };

/** Applies the activation that the call's attributes name to `x`. */
export function activated({ inputs, attrs, graph }: KernelCall, x: TensorInfo): TensorInfo {
  const activation = (attrs.activation as string | undefined) ?? 'linear';
  switch (activation) {
    case 'linear':
      return x;
    case 'elu':
      return elu(graph, x);
    case 'relu6':
      return graph.emit('Clip', [x, graph.scalar(0), graph.scalar(6)], x);
    case 'leakyrelu':
      return graph.emit('LeakyRelu', [x], x, { attributes: { alpha: { f: attrs.leakyreluAlpha as number } } });
    case 'prelu':
      return graph.emit('PRelu', [x, inputs.preluActivationWeights!], x);
    default: {
      const opType = opTypes[activation];
      if (!opType)
        throw new TraceError(`cannot trace the fused activation '${activation}'; apply it as an op of its own`);
      return graph.emit(opType, [x], x);
    }
  }
}
