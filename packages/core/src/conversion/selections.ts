/** Operations whose number of results depends on values: TensorFlow.js reads those, ONNX has operators. */
import * as tf from '@tensorflow/tfjs-core';
import { type TraceBackend, TraceError } from '../tracing/backend.js';
import type { NodeOp } from './node-op.js';
import { tensorOf, type Value } from './values.js';

const int32 = { attributes: { to: { i: 6 } } };
const int64 = { attributes: { to: { i: 7 } } };

/** Boxes [boxes, 4] that overlap less than a limit, best first: their positions, as many as are found. */
function selected(backend: TraceBackend, [boxes, scores, most, overlap, least]: readonly Value[]): tf.Tensor {
  const { recorder: graph, open } = backend;
  const count = tensorOf(boxes).shape[0]!;
  const scalar = (value: Value | undefined, byDefault: number) =>
    value ? tf.cast(tensorOf(value), 'float32') : tf.scalar(byDefault);
  const limit = graph.emit(
    'Cast',
    [tf.cast(tf.reshape(tensorOf(most), [1]), 'int32')],
    { shape: [1], dtype: 'int32' },
    int64,
  );
  const found = open!.unknownSize();
  const triples = graph.emit(
    'NonMaxSuppression',
    [
      tf.reshape(tensorOf(boxes), [1, count, 4]),
      tf.reshape(tensorOf(scores), [1, 1, count]),
      limit,
      tf.reshape(scalar(overlap, 0.5), [1]),
      tf.reshape(scalar(least, Number.NEGATIVE_INFINITY), [1]),
    ],
    { shape: [found, 3], dtype: 'int32' },
  );
  // The position is the last of batch, class and box.
  const positions = graph.emit(
    'Gather',
    [triples, graph.scalar(2, 'int32')],
    { shape: [found], dtype: 'int32' },
    {
      attributes: { axis: { i: 1 } },
    },
  );
  return made(backend, graph.emit('Cast', [positions], positions, int32));
}

function made(backend: TraceBackend, info: tf.TensorInfo): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(info, backend);
}

function numberOf(backend: TraceBackend, tensor: tf.Tensor): tf.Tensor {
  const graph = backend.recorder;
  const size = graph.emit('Size', [tensor], { shape: [], dtype: 'int32' });
  return made(backend, graph.emit('Cast', [size], size, int32));
}

const nonMaxSuppression: NodeOp = (_, inputs, { backend }) => [selected(backend, inputs)];

const padded: NodeOp = (node, inputs, { backend }) => {
  const positions = selected(backend, inputs);
  const valid = numberOf(backend, positions);
  if (!node.attrParams.padToMaxOutputSize?.value) return [positions, valid];
  const most = tensorOf(inputs[2]).dataSync()[0]!;
  return [tf.slice(tf.concat([positions, tf.zeros([most], 'int32')], 0), [0], [most]), valid];
};

const scored: NodeOp = (_, inputs, { backend }) => {
  const sigma = inputs[5] && tensorOf(inputs[5]).dataSync()[0];
  if (sigma) throw new TraceError('ONNX has no suppression that lowers scores (softNmsSigma is not 0)');
  const positions = selected(backend, inputs);
  return [positions, tf.gather(tensorOf(inputs[1]), positions as tf.Tensor1D), numberOf(backend, positions)];
};

/** The positions of true elements, [found, rank]. */
const where: NodeOp = (_, [condition], { backend }) => {
  const { recorder: graph, open } = backend;
  const tensor = tensorOf(condition);
  const shape = [tensor.rank, open!.unknownSize()];
  const positions = graph.emit('NonZero', [tf.cast(tensor, 'bool')], { shape, dtype: 'int32' });
  return [tf.transpose(made(backend, graph.emit('Cast', [positions], positions, int32)))];
};

export const selections: Readonly<Record<string, NodeOp>> = {
  NonMaxSuppressionV2: nonMaxSuppression,
  NonMaxSuppressionV3: nonMaxSuppression,
  NonMaxSuppressionV4: padded,
  NonMaxSuppressionV5: scored,
  Where: where,
};
