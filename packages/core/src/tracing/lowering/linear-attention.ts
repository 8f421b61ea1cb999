/**
 * Lowers the kernel `LinearAttention` to ONNX Runtime's operator (com.microsoft), which runs the recurrence in one
 * node.
 */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Lowering, LoweringTable } from './lowering.js';

/**
 * Lower bound of the share of a state that is kept. The logarithm of zero is infinite, and shaders need not support
 * infinity.
 */
const smallestShare = 1e-30;

const lowerLinearAttention: Lowering = ({ inputs, graph }) => {
  const { query, update, candidate, initial } = inputs as Record<
    'query' | 'update' | 'candidate' | 'initial',
    TensorInfo
  >;
  const [time = 0, hidden = 0] = update.shape;
  const reshaped = (tensor: TensorInfo | string, shape: number[]) =>
    graph.emit('Reshape', [tensor, graph.int64(shape)], { shape, dtype: 'float32' });
  const keep = graph.emit('Sub', [graph.scalar(1), update], update);
  const decay = graph.emit('Log', [graph.emit('Max', [keep, graph.scalar(smallestShare)], update)], update);
  const sequence = [1, time, hidden];
  const state = [1, hidden, 1, 1];
  const [outputs, last] = graph.emitMany(
    'LinearAttention',
    [
      reshaped(query, [1, time, 1]),
      ...[update, candidate].map((rows) => reshaped(rows, sequence)),
      ...[reshaped(initial, state), reshaped(decay, sequence)],
    ],
    [sequence, state].map((shape) => ({ shape, dtype: 'float32' as const })),
    {
      domain: 'com.microsoft',
      attributes: {
        ...{ q_num_heads: { i: 1 }, kv_num_heads: { i: hidden } },
        ...{ update_rule: { s: 'gated' }, scale: { f: 1 } },
      },
    },
  );
  return [reshaped(outputs!, [time, hidden]), reshaped(last!, [1, hidden])];
};

export const linearAttention: LoweringTable = { LinearAttention: lowerLinearAttention };
